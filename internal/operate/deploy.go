package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"fairlead/internal/assemble"
	"fairlead/internal/atomicfile"
	"fairlead/internal/config"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/source"
	"fairlead/internal/view"
)

// Plan says what a deployment would do. An open run does not stop it: planning looks only.
func (o *Operator) Plan(ctx context.Context, w Wanted) (engine.Plan, error) {
	plan, err := o.Project.PlanDeploy(ctx, w.Found)
	if err != nil {
		return plan, err
	}
	return plan, w.same(plan.Terms)
}

// Deploy takes a release into production: it plans, shows the plan, has it approved and carries it out. Reason is for
// the record.
func (o *Operator) Deploy(ctx context.Context, w Wanted, reason string) (view.Page, error) {
	if err := o.Free(ctx); err != nil {
		return nil, err
	}
	plan, err := o.Plan(ctx, w)
	if err != nil {
		return nil, err
	}
	page, err := view.NewPlan(plan)
	if err != nil {
		return nil, err
	}
	o.Frontend.Show(page)
	idle, err := o.Project.Unchanged(ctx, plan)
	if err != nil {
		return nil, fmt.Errorf("find out whether there is anything to do: %w", err)
	}
	if idle {
		return o.alreadyDeployed(ctx, plan.Terms)
	}
	return o.execute(ctx, plan, consent{reason, w.again()}, nil)
}

// alreadyDeployed ends a deployment of what runs already: with one look at health, because "nothing to do" is a claim
// about production.
func (o *Operator) alreadyDeployed(ctx context.Context, t engine.Terms) (view.Page, error) {
	if ok, check, saw := o.Project.CheckHealth(ctx); !ok {
		return nil, &fault.Fault{Code: "idle-unhealthy", Outcome: fault.Asking,
			What:  fmt.Sprintf("%s runs already, but %s does not pass: %s", t.Tag, check, saw),
			Means: "nothing was changed by this command; production runs " + t.Tag + " and is not healthy",
			Do:    []fault.Command{seeStatus(), {Line: "fairlead rollback", Why: "brings the images before it back"}}}
	}
	migration := ""
	if t.Migration != nil {
		migration = " the migration is in place,"
	}
	return view.NothingToDo(t.Tag, "production runs %s,%s health passes", t.Tag, migration), nil
}

// maxPlan is the largest plan file that is read, in bytes.
const maxPlan = 1 << 20

// A Wanted is the release that a call names, and the plan that was approved on paper where it names one.
type Wanted struct {
	Found source.Found
	what  string        // as it was named
	path  string        // of the release file, where that was named
	terms *engine.Terms // of the plan file; nil where any plan will do
}

// Find gets the release that a call names: by its tag from the configured source, from a release file, or the one of a
// plan file.
func Find(ctx context.Context, c config.Config, what, path string) (Wanted, error) {
	w, tag := Wanted{what: what, path: path}, what
	if isPlanFile(what) {
		t, err := readPlan(what)
		if err != nil {
			return w, err
		}
		w.terms, tag = &t, t.Tag
	}
	if tag == "" && path == "" {
		return w, Misused("name a release: a TAG, a PLANFILE, or --release FILE")
	}
	from, err := assemble.Source(c, path)
	if err != nil {
		return w, err
	}
	w.Found, err = from.Find(ctx, tag)
	return w, err
}

// isPlanFile tells a plan file from a tag: a tag holds no slash and does not end in .json.
func isPlanFile(s string) bool {
	return strings.HasSuffix(s, ".json") || strings.ContainsRune(s, filepath.Separator)
}

// again is the command that would ask for the same once more.
func (w Wanted) again() string {
	if w.path != "" {
		return "fairlead deploy --release " + fault.Word(w.path)
	}
	return "fairlead deploy " + fault.Word(w.what)
}

// same refuses a plan that is not the one of the file.
func (w Wanted) same(t engine.Terms) error {
	if w.terms == nil {
		return nil
	}
	was, err := w.terms.Fingerprint()
	if err != nil {
		return err
	}
	is, err := t.Fingerprint()
	if err != nil || was == is {
		return err
	}
	return &fault.Fault{Code: "plan-changed", What: "the plan made now is not the one of " + w.what,
		Outcome: fault.Refused, Means: "production is unchanged; nothing was attempted",
		Err: errors.New(engine.Difference(*w.terms, t)),
		Do: []fault.Command{{Line: fmt.Sprintf("fairlead plan %s -o %s", t.Tag, fault.Word(w.what)),
			Why: "writes the plan as it is now, to be looked at again"}}}
}

// WritePlan writes the terms of a plan into a file that Find takes.
func WritePlan(path string, t engine.Terms) error {
	b, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	return atomicfile.Write(path, append(b, '\n'), 0o644)
}

func readPlan(path string) (engine.Terms, error) {
	var t engine.Terms
	f, err := os.Open(path)
	if err == nil {
		defer f.Close()
		err = decodePlan(f, &t)
	}
	if err != nil {
		return t, &fault.Fault{Code: "plan-unreadable", What: fmt.Sprintf("the plan file %s cannot be used", path),
			Err: err, Outcome: fault.Misused, Means: "nothing was attempted; production is unchanged",
			Do: []fault.Command{{Line: "fairlead plan TAG -o " + fault.Word(path), Why: "writes one"}}}
	}
	return t, nil
}

func decodePlan(f *os.File, t *engine.Terms) error {
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return errors.Join(err, errors.New("it is not a regular file"))
	}
	d := json.NewDecoder(io.LimitReader(f, maxPlan))
	d.DisallowUnknownFields()
	if err := d.Decode(t); err != nil {
		return err
	}
	if t.Schema != engine.TermsSchema || t.Action != engine.Deploy || t.Tag == "" {
		return fmt.Errorf("it is no plan of a deployment in the layout %s", engine.TermsSchema)
	}
	return nil
}
