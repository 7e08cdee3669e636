package engine

import (
	"bytes"
	"encoding/json"
	"strings"
)

// An Approval is one yes: who said it, how, and what proves it.
type Approval struct {
	// "nobody (reason)" where policy asks for none
	By string `json:"by"`
	// "typed at a terminal", "--yes"
	How string `json:"how"`
	// like a signature over the fingerprint; "" where it is only claimed
	Proof  string `json:"proof,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Approvals says who said yes. A single one is written as one object, as it was before there could be several.
type Approvals []Approval

// Kind is the kind under which the approvals stand among the proofs of a run.
func (Approvals) Kind() Kind { return "approved/1" }

// By names everybody who said yes.
func (a Approvals) By() string {
	var all []string
	for _, one := range a {
		all = append(all, one.By)
	}
	return strings.Join(all, " and ")
}

// String says who said yes and how.
func (a Approvals) String() string {
	var all []string
	for _, one := range a {
		all = append(all, one.By+" ("+one.How+")")
	}
	return "approved by " + strings.Join(all, " and ")
}

// MarshalJSON writes a list only where there are several.
func (a Approvals) MarshalJSON() ([]byte, error) {
	switch len(a) {
	case 0:
		return json.Marshal(Approval{})
	case 1:
		return json.Marshal(a[0])
	}
	return json.Marshal([]Approval(a))
}

// UnmarshalJSON reads one object or a list.
func (a *Approvals) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("[")) {
		return json.Unmarshal(b, (*[]Approval)(a))
	}
	var one Approval
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	if *a = nil; one != (Approval{}) {
		*a = Approvals{one}
	}
	return nil
}
