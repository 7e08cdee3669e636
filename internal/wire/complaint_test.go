package wire

import "testing"

func TestAnswer_Err_tells_the_error_without_warnings_and_progress(t *testing.T) {
	const said = `time="2026-11-24T20:11:03Z" level=warning msg="The \"GREETING\" variable is not set. Defaulting ` +
		`to a ` +
		`blank string."
WARN[0000] /srv/compose.yml: the attribute version is obsolete
 Container shop-api-1  Recreate
 Container shop-api-1  Recreated
 Container shop-api-1  Starting
Error response from daemon: driver failed programming external connectivity: port is already allocated`
	for claim, c := range map[string]struct {
		answer Answer
		want   string
	}{
		"noise": {Answer{Code: 1, Stderr: said},
			"up: Error response from daemon: driver failed programming external connectivity: port is already " +
				"allocated"},
		"a logged error": {Answer{Code: 1, Stderr: `time="2026" level=error msg="no \"space\" left"`},
			`up: no "space" left`},
		"nothing but noise": {Answer{Code: 14, Stderr: `time="2026" level=warning msg="x"`}, "up: exit status 14"},
	} {
		if got := c.answer.Err("up").Error(); got != c.want {
			t.Errorf("%s: %q, want %q", claim, got, c.want)
		}
	}
	if err := (Answer{Stderr: said}).Err("up"); err != nil {
		t.Errorf("exit status 0: %v", err)
	}
}
