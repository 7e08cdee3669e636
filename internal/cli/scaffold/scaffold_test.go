package scaffold

import (
	"fmt"
	"strings"
	"testing"
)

func TestWholeVariable_is_the_name_that_a_whole_image_is(t *testing.T) {
	for image, want := range map[string]string{
		"${API_IMAGE}": "API_IMAGE", "${API_IMAGE:-nginx:1}": "API_IMAGE", "${A-b}": "A", "${A:?set it}": "A",
		"${A?x}": "A", "$API_IMAGE": "API_IMAGE",
		"nginx": "", "nginx:${TAG}": "", "${REPO}/api:${TAG}": "", "${REPO}:1": "", "$A:1": "", "${}": "", "${1A}": "",
		"": "", "$$A": "", "${A:+b}": "",
		"${A:-${B}}": "",
	} {
		if got := wholeVariable(image); got != want {
			t.Errorf("%q gives %q, want %q", image, got, want)
		}
	}
}

func TestServicesOf_reads_merges_and_survives_bombs(t *testing.T) {
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 9; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10),
			","))
	}
	for claim, c := range map[string]struct{ file, want string }{
		"a merge": {"x: &b {image: '${B}'}\nservices:\n  api: {<<: *b, image: '${A}'}\n  worker:\n " +
			"   <<: *b\n", "api=A worker=B"},
		"a list of merges": {"x: &b {y: 1}\nz: &c {image: '${C}'}\nservices:\n  api:\n    <<: [*b, *c]\n",
			"api=C"},
		"an alias for a service":    {"services:\n  api: &a {image: '${A}'}\n  web: *a\n", "api=A web=A"},
		"a merge of itself":         {"services:\n  api: &a\n    <<: *a\n", "api="},
		"a bomb":                    {bomb + "services: {api: {image: '${A}', x: *a8}}\n", "api=A"},
		"brackets without end":      {"services: " + strings.Repeat("[", 100_000), "error"},
		"list markers without end":  {"services:\n  " + strings.Repeat("- ", 50_000) + "a\n", "error"},
		"bytes that are no text":    {"services: \xff\xfe", "error"},
		"services that are no list": {"services: 5\n", ""},
		"a service without fields":  {"services: {api: , web: 3}\n", "api= web="},
		"nothing":                   {"", ""},
	} {
		all, err := servicesOf([]byte(c.file))
		var got []string
		for _, s := range all {
			got = append(got, s.name+"="+s.variable)
		}
		if err != nil {
			got = []string{"error"}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s gives %q (%v), want %q", claim, strings.Join(got, " "), err, c.want)
		}
	}
}
