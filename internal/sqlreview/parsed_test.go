package sqlreview

import (
	"testing"

	"fairlead/internal/sqltext"
)

func TestReview_takes_the_script_that_was_parsed_and_parses_nothing_again(t *testing.T) {
	script, err := sqltext.Parse([]byte("DROP TABLE orders;"))
	if err != nil {
		t.Fatal(err)
	}
	r := Review(Input{Files: []File{{Name: "m.sql", SQL: []byte("DROP TABLE other;"), Script: &script}},
		Catalog: baseCatalog()})
	if rulesOf(r) != "block:drop-table" || r.Files[0].SHA256 != script.SHA256 {
		t.Errorf("%s, file %s", rulesOf(r), r.Files[0].SHA256)
	}
}

func TestReview_says_the_same_of_a_script_however_it_comes(t *testing.T) {
	for _, c := range cases(t) {
		sql := caseSQL(t, c.file)
		script, _ := sqltext.Parse(sql)
		one := reviewCase(t, c.file, baseCatalog())
		other := Review(Input{Files: []File{{Name: c.file, SQL: sql, Script: &script}}, Catalog: baseCatalog(),
			Policy: Policy{AssumeRows: 10_000_000}})
		if toJSON(t, one) != toJSON(t, other) {
			t.Errorf("%s is another one when it was parsed before", c.file)
		}
	}
}
