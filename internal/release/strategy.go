package release

// A Strategy is how the containers of one service are replaced. The zero Strategy stops the old ones first, which is
// what every service can bear.
type Strategy string

// A Rollout is what a plan says of the way its images come onto the hosts, beside the images themselves. The zero
// Rollout takes one host after the other and stops the old containers of each service first. Groups are names of hosts
// that are taken together, one group after the other; Strategies are those of services that have another than the zero
// Strategy.
type Rollout struct {
	Groups     [][]string          `json:"groups,omitempty"`
	Strategies map[string]Strategy `json:"strategies,omitempty"`
}
