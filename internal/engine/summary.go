package engine

import (
	"encoding/json"
	"errors"
	"fmt"

	"fairlead/internal/chain"
)

// SummarySchema is the version of the layout of a Summary; an index that holds another one is made again.
const SummarySchema = "fairlead.summary/1"

// Summarize gives one run in one line. The records are those of the run, oldest first, the first of verdict Opened or
// Manual; a record of another run behind them counts only in that it may close this one (a rollback opens and closes in
// one record). It is an error when there are none, when the first opens nothing, or when evidence of the opening or the
// closing cannot be read.
func Summarize(records []Record) (Summary, error) {
	if len(records) == 0 {
		return Summary{}, errors.New("summarize a run: no records")
	}
	s, err := begin(records[0])
	if err != nil {
		return Summary{}, fmt.Errorf("summarize run %s: %w", records[0].Run, err)
	}
	for _, r := range records[1:] {
		if err := s.add(r); err != nil {
			return Summary{}, fmt.Errorf("summarize run %s: record %s: %w", s.Run, r.ID, err)
		}
	}
	return s, nil
}

// begin reads the first record of a run.
func begin(r Record) (Summary, error) {
	s := Summary{Run: r.Run, Opened: r.At}
	switch r.Verdict {
	case Opened:
		var o Opening
		if err := json.Unmarshal(r.Evidence, &o); err != nil {
			return Summary{}, fmt.Errorf("read the opening: %w", err)
		}
		s.Action, s.Tag, s.Holder, s.Approved = o.Terms.Action, o.Terms.Tag, o.Holder.Name, o.Approvals.By()
		return s, nil
	case Manual:
		var c Closing
		if err := json.Unmarshal(r.Evidence, &c); err != nil {
			return Summary{}, fmt.Errorf("read what was made by hand: %w", err)
		}
		s.Holder = c.By.Name
		s.close(r, c)
		return s, nil
	}
	return Summary{}, fmt.Errorf("the first record says %q", r.Verdict)
}

// add reads one more record.
func (s *Summary) add(r Record) error {
	if r.Run != s.Run {
		return s.follow(r)
	}
	switch r.Verdict {
	case Began:
		s.Step = r.Step
	case Taken:
		var t Takeover
		if err := json.Unmarshal(r.Evidence, &t); err != nil {
			return fmt.Errorf("read the takeover: %w", err)
		}
		s.Holder = t.Holder.Name
	case Closed:
		var c Closing
		if err := json.Unmarshal(r.Evidence, &c); err != nil {
			return fmt.Errorf("read the closing: %w", err)
		}
		s.close(r, c)
	}
	return nil
}

// follow reads a record of the run that comes after this one.
func (s *Summary) follow(r Record) error {
	switch r.Verdict {
	case Opened:
		var o struct {
			Closes *Closing `json:"closes"`
		}
		if err := json.Unmarshal(r.Evidence, &o); err != nil {
			return fmt.Errorf("read the opening that follows: %w", err)
		}
		if o.Closes != nil && o.Closes.Run == s.Run {
			s.close(r, *o.Closes)
		}
	case Manual:
		var c Closing
		if err := json.Unmarshal(r.Evidence, &c); err != nil {
			return fmt.Errorf("read what was made by hand and follows: %w", err)
		}
		if c.Run == s.Run {
			s.close(r, c)
		}
	}
	return nil
}

// close notes how the run ended.
func (s *Summary) close(r Record, c Closing) {
	s.Closed, s.Outcome, s.Migrated, s.Means = r.At, c.Outcome, c.Migrated, c.Means
}

// Summarizer gives the fold that keeps the index of a chain.Dir.
func Summarizer() chain.Summarizer {
	return chain.Summarizer{Version: SummarySchema, Of: func(lines [][]byte, next []byte) (json.RawMessage, error) {
		records, err := ParseRecords(lines)
		if err != nil {
			return nil, err
		}
		if next != nil {
			r, err := ParseRecord(next)
			if err != nil {
				return nil, err
			}
			records = append(records, r)
		}
		s, err := Summarize(records)
		if err != nil {
			return nil, err
		}
		return json.Marshal(s)
	}}
}

// ReadSummaries gives the summaries that stand in the entries of an index, in their order. A run that this program
// cannot read has its id and a Means that says why.
func ReadSummaries(entries []chain.Entry) []Summary {
	all := make([]Summary, len(entries))
	for i, e := range entries {
		problem := e.Problem
		if problem == "" {
			err := json.Unmarshal(e.Summary, &all[i])
			if err == nil {
				continue
			}
			problem = err.Error()
		}
		all[i] = Summary{Run: RunID(e.Run), Means: "this program cannot read the run: " + problem}
	}
	return all
}

// ParseRecords reads lines; it ends with the first that is no record.
func ParseRecords(lines [][]byte) ([]Record, error) {
	records := make([]Record, len(lines))
	for i, l := range lines {
		r, err := ParseRecord(l)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		records[i] = r
	}
	return records, nil
}
