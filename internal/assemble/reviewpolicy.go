package assemble

import (
	"maps"
	"slices"

	"fairlead/internal/config"
	"fairlead/internal/sqlreview"
)

// ReviewPolicy gives the policy that a configuration asks for. A rule that is not known, or may not be given that level, is an error
// with line and column.
func ReviewPolicy(c config.Config) (sqlreview.Policy, error) {
	r := c.Review
	p := sqlreview.Policy{SmallRows: r.SmallRows, SmallBytes: r.SmallMiB << 20, TraceLowers: r.Trace == "lowers", Rules: map[string]sqlreview.Level{}}
	if r.SmallRows == 0 {
		p.SmallRows = -1 // no table is small
	}
	for _, rule := range slices.Sorted(maps.Keys(r.Rules)) {
		level := sqlreview.Level(r.Rules[rule])
		if err := sqlreview.CheckLevel(rule, level); err != nil {
			return p, c.Errorf("review.rules."+rule, "review.rules.%s: %v", rule, err)
		}
		p.Rules[rule] = level
	}
	return p, nil
}

// wireReview finds what is wrong with the policy before anything else is done.
func (p *Project) wireReview() error {
	_, err := ReviewPolicy(p.Config)
	return err
}

// policy is the one that every review of this project follows.
func (p *Project) policy() sqlreview.Policy {
	policy, _ := ReviewPolicy(p.Config) // New has looked at it
	return policy
}
