// Package webhook sends a note as signed JSON to any receiver. Receivers verify the signature over the timestamp, a dot
// and the raw body, refuse a timestamp that is more than five minutes off, and pass over a delivery that they have
// seen. Start with New.
package webhook

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/notify"
)

// Schema is the version of the body.
const Schema = "fairlead.note/1"

// Config is the block of kind webhook.
type Config struct {
	// Where the note is posted.
	URL config.Secret `yaml:"url,required"`
	// Key of the signature in X-Fairlead-Signature-256; without it notes are not signed.
	Secret config.Secret `yaml:"secret"`
	// How the receiver is called in messages; the host of the URL otherwise.
	Name string `yaml:"name"`
}

// poster sends a body; its errors hold no URL.
type poster interface {
	Post(ctx context.Context, to string, header http.Header, body []byte) error
}

// Notifier is one receiver.
type Notifier struct {
	url, secret config.Secret
	name        string
	post        poster
	now         func() time.Time
}

var _ notify.Notifier = (*Notifier)(nil)

// New gives a notifier; the error says what is wrong with the URL without holding it. now dates the signature.
func New(c Config, p poster, now func() time.Time) (*Notifier, error) {
	u, err := url.Parse(c.URL.Reveal())
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("the url of a webhook must begin with https:// or http://")
	}
	return &Notifier{url: c.URL, secret: c.Secret, name: "webhook " + cmp.Or(c.Name, u.Host), post: p, now: now}, nil
}

// Name gives "webhook" and the receiver's name.
func (n *Notifier) Name() string { return n.name }

// Body is what is posted.
type Body struct {
	Schema string `json:"schema"`
	// Event: like deploy.deployed
	Event string `json:"event"`
	// Delivery: the same for the same note, however often it is sent
	Delivery string `json:"delivery"`
	notify.Message
}

// Notify sends the message once.
func (n *Notifier) Notify(ctx context.Context, m notify.Message) error {
	id, err := delivery(m)
	if err != nil {
		return err
	}
	b := Body{Schema: Schema, Event: m.Action + "." + m.Outcome, Delivery: id, Message: m}
	body, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("encode note: %w", err)
	}
	at := strconv.FormatInt(n.now().Unix(), 10)
	h := http.Header{}
	h.Set("X-Fairlead-Event", b.Event)
	h.Set("X-Fairlead-Delivery", b.Delivery)
	h.Set("X-Fairlead-Timestamp", at)
	if n.secret.Present() {
		h.Set("X-Fairlead-Signature-256", "sha256="+Sign(n.secret.Reveal(), at, body))
	}
	return n.post.Post(ctx, n.url.Reveal(), h, body)
}

// Sign gives the signature, in hex: HMAC-SHA256 of timestamp, a dot and the body. Receivers compare in constant time.
func Sign(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// delivery makes an id in the form of a UUID of the message itself, so that a second sending of it can be recognised.
func delivery(m notify.Message) (string, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("encode note: %w", err)
	}
	s := sha256.Sum256(b)
	// version 8, as RFC 9562 gives to ids of one's own making
	s[6], s[8] = s[6]&0x0f|0x80, s[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", s[0:4], s[4:6], s[6:8], s[8:10], s[10:16]), nil
}
