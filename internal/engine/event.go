package engine

import "time"

// An Event is one thing that happened in a run. The set is closed: RunOpened, StepBegan, StepProgress, StepEnded, Asked
// and RunClosed. Screens, JSON lines, pages and notifiers observe the same stream.
type Event interface{ event() }

// RunOpened: a run began, was taken over or goes on.
type RunOpened struct {
	At      time.Time
	Run     RunID
	Terms   Terms
	Holder  Holder
	Resumed bool
}

// StepBegan: a step is about to look or act.
type StepBegan struct {
	At   time.Time
	Spec Spec
	// Index: 1 and up
	Index, Of int
}

// StepProgress: something to show while a step works.
type StepProgress struct {
	At   time.Time
	Step Name
	Progress
}

// StepEnded carries the record just written; in planning, where nothing is written, a record that was not stored.
// Adopted tells that the step was found done, or passed over on resume.
type StepEnded struct {
	At      time.Time
	Spec    Spec
	Record  Record
	Adopted bool
	Took    time.Duration
	Err     error
}

// Asked: a person was asked and answered.
type Asked struct {
	At       time.Time
	Question string
	Answer   string
}

// RunClosed: the run ended for this operator. Open tells that the ledger still holds it open.
type RunClosed struct {
	At      time.Time
	Run     RunID
	Closing Closing
	Open    bool
}

func (RunOpened) event()    {}
func (StepBegan) event()    {}
func (StepProgress) event() {}
func (StepEnded) event()    {}
func (Asked) event()        {}
func (RunClosed) event()    {}

// An Observer hears events in order, on the engine's own goroutine. It returns nothing and cannot fail a run.
type Observer func(Event)

// Tee gives an observer that passes each event to all of them, in order.
func Tee(all ...Observer) Observer {
	return func(e Event) {
		for _, o := range all {
			o(e)
		}
	}
}
