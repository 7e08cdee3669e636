package sqltext

import "testing"

func TestParsed_reads_a_script_again_only_when_it_has_no_trees(t *testing.T) {
	sql := []byte("SELECT 1; DROP TABLE a;")
	script, err := Parse(sql)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := script.Parsed(); err != nil || same.Node(0) != script.Node(0) {
		t.Errorf("it was read again (%v)", err)
	}
	stored := Script{SHA256: script.SHA256, Units: script.Units}
	if err := stored.Attach(sql); err != nil || stored.Node(0) != nil {
		t.Fatalf("a stored script has a tree (%v)", err)
	}
	if read, err := stored.Parsed(); err != nil || read.Node(1).GetDropStmt() == nil {
		t.Errorf("no tree (%v)", err)
	}
	whole, err := Whole([]byte("ALTER TABLE a ADD BRAND NEW SYNTAX"))
	if err != nil {
		t.Fatal(err)
	}
	if read, err := whole.Parsed(); AsSyntaxError(err) == nil || len(read.Problems) == 0 {
		t.Errorf("what was taken whole was understood: %v", err)
	}
}
