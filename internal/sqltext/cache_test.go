package sqltext

import "testing"

func TestCache_parses_each_text_once_and_keeps_its_trees(t *testing.T) {
	var c Cache
	sql := []byte("SELECT 1; DROP TABLE a;")
	first, err := c.Parse(sql)
	if err != nil {
		t.Fatal(err)
	}
	again, whole, err := c.ParseOrWhole([]byte("SELECT 1; DROP TABLE a;"))
	if err != nil || whole || again.Node(1) != first.Node(1) || c.Size() != 1 {
		t.Errorf("%d texts, whole %v, error %v, another tree %v", c.Size(), whole, err, again.Node(1) != first.Node(1))
	}
	if _, whole, err := c.ParseOrWhole([]byte("ALTER TABLE a ADD BRAND NEW SYNTAX")); err != nil || !whole || c.Size() != 2 {
		t.Errorf("%d texts, whole %v, error %v", c.Size(), whole, err)
	}
	if _, err := c.Parse([]byte("SELEC")); AsSyntaxError(err) == nil {
		t.Errorf("error %v", err)
	}
}

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
