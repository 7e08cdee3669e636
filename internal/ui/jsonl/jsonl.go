// Package jsonl is the screen of programs: one JSON object per event and line. Its keys are stable; new ones may
// appear. Start with New.
package jsonl

import (
	"encoding/json"
	"io"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// Schema is the version of the objects.
const Schema = "fairlead.event/1"

// New gives an observer that writes each event. What cannot be written is lost; a run never fails for it.
func New(w io.Writer) engine.Observer {
	return func(e engine.Event) {
		b, err := json.Marshal(object(e))
		if err != nil {
			return
		}
		_, _ = w.Write(append(b, '\n'))
	}
}

// head begins every object.
type head struct {
	Schema string    `json:"schema"`
	Event  string    `json:"event"`
	At     time.Time `json:"at"`
}

func headed(event string, at time.Time) head { return head{Schema, event, at.UTC()} }

func object(e engine.Event) any {
	switch e := e.(type) {
	case engine.RunOpened:
		return struct {
			head
			Run     engine.RunID  `json:"run"`
			Terms   engine.Terms  `json:"terms"`
			Holder  engine.Holder `json:"holder"`
			Resumed bool          `json:"resumed"`
		}{headed("run-opened", e.At), e.Run, e.Terms, e.Holder, e.Resumed}
	case engine.StepBegan:
		return struct {
			head
			Step  engine.Name `json:"step"`
			Title string      `json:"title"`
			Index int         `json:"index"`
			Of    int         `json:"of"`
		}{headed("step-began", e.At), e.Spec.Name, e.Spec.Title, e.Index, e.Of}
	case engine.StepProgress:
		return struct {
			head
			Step  engine.Name `json:"step"`
			Text  string      `json:"text"`
			Done  int64       `json:"done"`
			Total int64       `json:"total"`
		}{headed("step-progress", e.At), e.Step, e.Text, e.Done, e.Total}
	case engine.StepEnded:
		return struct {
			head
			Step     engine.Name     `json:"step"`
			Verdict  engine.Verdict  `json:"verdict"`
			Adopted  bool            `json:"adopted"`
			Changed  bool            `json:"changed"`
			TookMS   int64           `json:"took_ms"`
			Why      string          `json:"why,omitempty"`
			Kind     engine.Kind     `json:"kind,omitempty"`
			Evidence json.RawMessage `json:"evidence,omitempty"`
			Fault    *fault.Fault    `json:"fault,omitempty"`
			Error    string          `json:"error,omitempty"`
		}{headed("step-ended", e.At), e.Spec.Name, e.Record.Verdict, e.Adopted, e.Record.Changed, e.Took.Milliseconds(),
			e.Record.Why, e.Record.Kind, e.Record.Evidence, faultOf(e.Err), text(e.Err)}
	case engine.Asked:
		return struct {
			head
			Question string `json:"question"`
			Answer   string `json:"answer"`
		}{headed("asked", e.At), e.Question, e.Answer}
	case engine.RunClosed:
		return struct {
			head
			Run     engine.RunID   `json:"run"`
			Exit    int            `json:"exit"`
			Open    bool           `json:"open"`
			Closing engine.Closing `json:"closing"`
		}{headed("run-closed", e.At), e.Run, e.Closing.Outcome.Exit(), e.Open, e.Closing}
	}
	return headed("unknown", time.Time{})
}

func faultOf(err error) *fault.Fault {
	f, _ := fault.Find(err)
	return f
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
