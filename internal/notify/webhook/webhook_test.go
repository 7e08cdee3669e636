package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/notify"
)

type recorder struct {
	headers []http.Header
	bodies  [][]byte
}

func (r *recorder) Post(_ context.Context, _ string, h http.Header, body []byte) error {
	r.headers, r.bodies = append(r.headers, h), append(r.bodies, body)
	return nil
}

func TestNotify_signs_what_a_receiver_can_verify_and_recognise(t *testing.T) {
	at := time.Date(2026, 11, 24, 20, 30, 15, 0, time.UTC)
	now := func() time.Time { at = at.Add(time.Minute); return at }
	r := &recorder{}
	n, err := New(Config{URL: config.NewSecret("https://ops.example/geheim"), Secret: config.NewSecret("key")}, r, now)
	if err != nil {
		t.Fatal(err)
	}
	m := notify.Message{Run: "r-1", Action: "deploy", Outcome: "deployed", App: "shop", Tag: "v1.8.0", At: at}
	for range 2 {
		if err := n.Notify(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
	h := r.headers[0]
	mac := hmac.New(sha256.New, []byte("key"))
	mac.Write([]byte(h.Get("X-Fairlead-Timestamp") + "." + string(r.bodies[0])))
	if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); h.Get("X-Fairlead-Signature-256") != want {
		t.Errorf("signature: got %s, want %s", h.Get("X-Fairlead-Signature-256"), want)
	}
	if h.Get("X-Fairlead-Event") != "deploy.deployed" || n.Name() != "webhook ops.example" {
		t.Errorf("got %v, %s", h, n.Name())
	}
	if a, b := h.Get("X-Fairlead-Delivery"), r.headers[1].Get("X-Fairlead-Delivery"); a != b || len(a) != 36 {
		t.Errorf("the same note has the deliveries %s and %s", a, b)
	}
	if r.headers[1].Get("X-Fairlead-Timestamp") == h.Get("X-Fairlead-Timestamp") {
		t.Error("a second sending carries the old timestamp, which a receiver may refuse")
	}
	var b map[string]any
	if err := json.Unmarshal(r.bodies[0], &b); err != nil || b["schema"] != Schema || b["tag"] != "v1.8.0" ||
		b["event"] != "deploy.deployed" {
		t.Errorf("body: %s, %v", r.bodies[0], err)
	}
	m.Outcome = "asking"
	_ = n.Notify(context.Background(), m)
	if r.headers[2].Get("X-Fairlead-Delivery") == h.Get("X-Fairlead-Delivery") {
		t.Error("two notes have the same delivery")
	}
}

func TestNotify_without_a_key_does_not_pretend_to_sign(t *testing.T) {
	r := &recorder{}
	n, err := New(Config{URL: config.NewSecret("http://127.0.0.1:9/x")}, r, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Notify(context.Background(), notify.Message{}); err != nil ||
		r.headers[0].Get("X-Fairlead-Signature-256") != "" {
		t.Errorf("got %v, %v", r.headers, err)
	}
	if _, err := New(Config{URL: config.NewSecret("geheim")}, r, time.Now); err == nil ||
		strings.Contains(err.Error(), "geheim") {
		t.Errorf("got %v", err)
	}
}
