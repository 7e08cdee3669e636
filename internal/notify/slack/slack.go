// Package slack writes a note as a Slack message: text and blocks for an incoming webhook, within Slack's limits. Start
// with New.
package slack

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/notify"
)

// The limits of an incoming webhook, in characters; ones too many make Slack refuse the whole message.
const (
	maxHeader  = 150
	maxSection = 3000
	// our own: the line of the notification, so that all together stay below Slack's unwritten total of 13,000
	maxLine = 300
	// our own, for the same reason; Slack takes 2,000
	maxField = 1000
)

// Config is the block of kind slack.
type Config struct {
	// Incoming webhook.
	URL config.Secret `yaml:"url,required"`
	// How the channel is called in messages; the host of the URL otherwise.
	Name string `yaml:"name"`
}

// poster sends a body; its errors hold no URL.
type poster interface {
	Post(ctx context.Context, to string, header http.Header, body []byte) error
}

// Notifier is one channel.
type Notifier struct {
	url  config.Secret
	name string
	post poster
}

var _ notify.Notifier = (*Notifier)(nil)

// New gives a notifier; the error says what is wrong with the URL without holding it.
func New(c Config, p poster) (*Notifier, error) {
	u, err := url.Parse(c.URL.Reveal())
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("the url of a slack channel must begin with https://")
	}
	return &Notifier{url: c.URL, name: "slack " + cmp.Or(c.Name, u.Hostname()), post: p}, nil
}

// Name gives "slack" and the channel's name.
func (n *Notifier) Name() string { return n.name }

// Notify sends the message once.
func (n *Notifier) Notify(ctx context.Context, m notify.Message) error {
	body, err := Encode(m)
	if err != nil {
		return err
	}
	return n.post.Post(ctx, n.url.Reveal(), nil, body)
}

type text struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type block struct {
	Type     string `json:"type"`
	Text     *text  `json:"text,omitempty"`
	Fields   []text `json:"fields,omitempty"`
	Elements []text `json:"elements,omitempty"`
}

// Encode writes the message: a line for the notification, and blocks for the channel.
func Encode(m notify.Message) ([]byte, error) {
	title := Title(m)
	body := struct {
		Text   string  `json:"text"`
		Blocks []block `json:"blocks"`
	}{Text: clip(escape(title+" ("+m.Run+")"), maxLine)}
	add := func(b block) { body.Blocks = append(body.Blocks, b) }
	add(block{Type: "header", Text: &text{"plain_text", clip(title, maxHeader)}})
	add(section(clip(escape(m.Production), maxField)))
	if lines := images(m.Images); lines != "" {
		add(section("```" + clip(escape(lines), maxSection-6) + "```"))
	}
	add(block{Type: "section", Fields: fields(m)})
	if len(m.Do) > 0 {
		add(section("```" + clip(escape(strings.Join(m.Do, "\n")), maxSection-6) + "```"))
	}
	commit := cmp.Or(m.Commit[:min(12, len(m.Commit))], "unknown")
	where := fmt.Sprintf("run %s · commit %s · %s", m.Run, commit, m.At.UTC().Format(time.RFC3339))
	add(block{Type: "context", Elements: []text{{"mrkdwn", clip(escape(where), maxField)}}})
	b, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode slack message: %w", err)
	}
	return b, nil
}

// Title is the line that a phone shows: what, where, how it ended.
func Title(m notify.Message) string {
	signs := map[string]string{"deployed": "✅", "rolled-back": "↩️", "asking": "🚨", "unknown": "❓"}
	sign := cmp.Or(signs[m.Outcome], "✖️")
	ended := strings.ReplaceAll(m.Outcome, "-", " ")
	switch {
	case m.Outcome == "deployed" && m.Action == "rollback":
		ended = "rolled back as asked"
	case m.Outcome == "deployed" && m.Action == "migrate":
		ended = "migration in place"
	case m.Outcome == "rolled-back":
		ended = "failed, rolled back automatically"
	case m.Outcome == "asking":
		ended = "a person must decide"
	case m.Outcome == "failed-unchanged":
		ended = "failed, nothing changed"
	}
	return fmt.Sprintf("%s %s %s in %s: %s", sign, m.App, m.Tag, m.Environment, ended)
}

func section(s string) block {
	return block{Type: "section", Text: &text{"mrkdwn", clip(cmp.Or(s, "–"), maxSection)}}
}

func images(all []notify.Image) string {
	wide := 5
	for _, i := range all {
		wide = max(wide, len(i.Service))
	}
	var b strings.Builder
	for _, i := range all {
		fmt.Fprintf(&b, "%-*s  %s\n", wide, i.Service, cmp.Or(i.Now, "unknown"))
		if i.Previous != i.Now {
			fmt.Fprintf(&b, "%-*s  %s\n", wide, "  was", cmp.Or(i.Previous, "nothing"))
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

func fields(m notify.Message) []text {
	var all []text
	add := func(name, value string) {
		if value != "" {
			all = append(all, text{"mrkdwn", clip("*"+name+"*\n"+escape(value), maxField)})
		}
	}
	add("Migration", cmp.Or(m.Migration, "unknown"))
	add("Backup", m.Backup)
	add("Approved by", m.ApprovedBy)
	add("Deployed by", m.DeployedBy)
	return all
}

// escape holds Slack's three control characters back, so that no text can ping people or hide a link.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "```", "'''").Replace(s)
}

// clip shortens to a number of characters, never inside an escape.
func clip(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	cut := string(r[:most-1])
	if i := strings.LastIndexByte(cut, '&'); i >= 0 && !strings.Contains(cut[i:], ";") {
		cut = cut[:i]
	}
	return cut + "…"
}
