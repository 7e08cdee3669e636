//go:build real

package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// digests asks the engine which image digests the running containers of each service were made of. It is
// lab.RunningDigests without a docker process for each question: a test asks a hundred times.
func (s *stage) digests() (map[string][]string, error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", strings.TrimPrefix(s.Lab.DockerHost, "unix://"))
		}}}
	ask := func(path string, into any) error {
		req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, "http://engine/v1.41"+path, nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", path, res.Status)
		}
		return json.NewDecoder(res.Body).Decode(into)
	}
	var running []struct {
		ImageID string
		Labels  map[string]string
	}
	filter := url.QueryEscape(fmt.Sprintf(`{"label":["com.docker.compose.project=%s"]}`, s.Project))
	if err := ask("/containers/json?filters="+filter, &running); err != nil {
		return nil, err
	}
	digests := map[string][]string{}
	for _, c := range running {
		var image struct{ RepoDigests []string }
		if err := ask("/images/"+c.ImageID+"/json", &image); err != nil {
			return nil, err
		}
		digest := c.ImageID
		for _, d := range image.RepoDigests {
			if strings.HasPrefix(d, s.Lab.RegistryHost+"/"+s.App+"/") {
				digest = d
			}
		}
		service := c.Labels["com.docker.compose.service"]
		digests[service] = append(digests[service], digest)
	}
	return digests, nil
}
