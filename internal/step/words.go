package step

import (
	"fmt"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// count says how many, in the words of a person: "1 host", "3 hosts".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// tryAgain is what to type after a failure that left everything as it was.
func tryAgain(in engine.Input) []fault.Command {
	if in.Terms.Action == engine.Migrate {
		return []fault.Command{{Line: "fairlead migrate status", Why: "what is applied"}, again(in)}
	}
	return []fault.Command{{Line: "fairlead status", Why: "what runs now"}, again(in)}
}

// again begins the same once more.
func again(in engine.Input) fault.Command {
	c := fault.Command{Line: "fairlead deploy " + in.Terms.Tag, Why: "tries again, from the start"}
	if in.Terms.Action != engine.Migrate {
		return c
	}
	c.Line = "fairlead migrate apply FILE"
	switch m := in.Terms.Migration; {
	case m != nil && m.File != "":
		c.Line = "fairlead migrate apply " + fault.Word(m.File)
	case m != nil && len(m.Command) > 0:
		c.Line = "fairlead migrate apply --command " + m.Call()
	}
	return c
}

// giveUp closes a run that changed the schema in part.
func giveUp(in engine.Input) fault.Command {
	if in.Terms.Action == engine.Migrate {
		return fault.Command{Line: "fairlead abandon --reason '…'",
			Why: "leaves the schema as it is now, closes the run"}
	}
	return fault.Command{Line: "fairlead rollback", Why: "leaves the schema, closes the run"}
}

// unstarted ends a sentence about production where containers would have followed.
func unstarted(in engine.Input) string {
	if in.Terms.Action == engine.Migrate {
		return ""
	}
	return "; no new container was started"
}
