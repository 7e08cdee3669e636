//go:build real

package scenario

import (
	"fmt"
	"os"
	"testing"
	"time"

	"fairlead/internal/lab"
)

// failing is a stage that runs v1.0.0, and images of which v1.1.0 is made with one migration after the other.
func failing(t *testing.T, app string) (s *stage, v1, v2 lab.Published) {
	s = newStage(t, 8*time.Minute, one(app))
	v1 = s.publish(lab.Release{Tag: "v1.0.0"})
	v2 = s.publish(lab.Release{Tag: "v1.0.1"})
	s.release("v1.0.0", v1, "CREATE TABLE passes (release text NOT NULL);\nCREATE TABLE people (name text NOT NULL);\n"+
		"INSERT INTO people (name) VALUES ('ana'), ('ana'), ('ben');\n", "api")
	s.must(0, "deploy", "v1.0.0", "--yes")
	return s, v1, v2
}

// services is what runs and what would run: containers by id, and the .env.
func (s *stage) services() string {
	s.t.Helper()
	all, err := s.Containers(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprint(all) + s.env()
}

func TestMigration_that_fails_in_the_middle_leaves_nothing(t *testing.T) {
	t.Parallel()
	s, v1, v2 := failing(t, "halfway")
	s.release("v1.1.0", v2, "CREATE TABLE half (id bigint PRIMARY KEY);\nINSERT INTO half (id) VALUES (1);\n"+
		"INSERT INTO passes (release) SELECT NULL FROM half;\nCREATE TABLE whole (id bigint PRIMARY KEY);\n", "api")
	before := s.services()
	got := s.must(4, "deploy", "v1.1.0", "--yes")
	if !contains(got.All, "line 3", "null value", "production is unchanged") {
		t.Errorf("it does not name the statement and what it means: %s", got)
	}
	if n := s.value("SELECT count(*) FROM pg_class WHERE relname IN ('half', 'whole')"); n != "0" {
		t.Errorf("%s of its tables stay", n)
	}
	if n := s.value("SELECT count(*) FROM fairlead.applied WHERE migration <> (SELECT min(migration) " +
		"FROM fairlead.applied)"); n != "0" {
		t.Errorf("%s markers of it stay", n)
	}
	if after := s.services(); after != before {
		t.Errorf("services changed:\n%s\n%s", before, after)
	}
	s.mustRun(v1, "api")
	s.head()
	// The run is closed: a mended release goes through.
	s.release("v1.1.1", v2, "CREATE TABLE half (id bigint PRIMARY KEY);\n", "api")
	s.must(0, "deploy", "v1.1.1", "--yes")
	s.mustRun(v2, "api")
}

// indexes counts the invalid indexes, and all of that name.
func (s *stage) indexes(name string) (invalid, all string) {
	s.t.Helper()
	return s.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid"),
		s.value("SELECT count(*) FROM pg_class WHERE relname = '" + name + "'")
}

const uniqueSQL = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS people_name ON people (name);\n"

func TestIndex_build_that_fails_on_duplicates_leaves_no_invalid_index(t *testing.T) {
	t.Parallel()
	s, v1, v2 := failing(t, "duplicates")
	before := s.services()

	s.release("v1.1.0", v2, uniqueSQL, "api")
	alone := s.must(4, "deploy", "v1.1.0", "--yes")
	if !contains(alone.All, "line 1", "people_name", "production is unchanged") {
		t.Errorf("it does not name the statement and what it means: %s", alone)
	}
	if invalid, all := s.indexes("people_name"); invalid != "0" || all != "0" {
		t.Errorf("%s invalid indexes stay, %s of that name", invalid, all)
	}
	if after := s.services(); after != before {
		t.Errorf("services changed:\n%s\n%s", before, after)
	}

	s.release("v1.2.0", v2, "CREATE TABLE before_it (id bigint PRIMARY KEY);\n"+uniqueSQL, "api")
	partial := s.must(6, "deploy", "v1.2.0", "--yes")
	if !contains(partial.All, "1 of 2 units", "fairlead resume", "BRIEF") {
		t.Errorf("it does not say how far it came and what to do: %s", partial)
	}
	if invalid, all := s.indexes("people_name"); invalid != "0" || all != "0" {
		t.Errorf("%s invalid indexes stay, %s of that name", invalid, all)
	}
	if n := s.value("SELECT count(*) FROM pg_class WHERE relname = 'before_it'"); n != "1" {
		t.Errorf("the first unit is said to be in place, and is there %s times", n)
	}
	if after := s.services(); after != before {
		t.Errorf("services changed:\n%s\n%s", before, after)
	}
	s.mustRun(v1, "api")

	s.exec("DELETE FROM people WHERE name = 'ana'; INSERT INTO people VALUES ('ana')")
	s.must(0, "resume", "--yes")
	s.mustRun(v2, "api")
	if invalid, all := s.indexes("people_name"); invalid != "0" || all != "1" {
		t.Errorf("%s invalid indexes, %s of that name; want 0, 1", invalid, all)
	}
	s.head()
}

func TestMigration_that_never_gets_its_lock_gives_up_and_names_the_blocker(t *testing.T) {
	t.Parallel()
	s, v1, v2 := failing(t, "locked")
	s.release("v1.1.0", v2, "ALTER TABLE people ADD COLUMN note text;\n", "api")
	before := s.services()
	free := s.hold("BEGIN; SELECT count(*) FROM people")
	defer free()
	got := s.must(4, "deploy", "v1.1.0", "--yes")
	if !contains(got.All, " of 8: line 1", "production is unchanged") {
		t.Errorf("it does not say that it tried and gave up: %s", got)
	}
	if !contains(got.All, "pid", "SELECT count(*) FROM people") {
		t.Errorf("it does not name the blocker: %s", got)
	}
	if n := s.value("SELECT count(*) FROM information_schema.columns WHERE table_name = 'people' " +
		"AND column_name = 'note'"); n != "0" {
		t.Error("the column is there")
	}
	if after := s.services(); after != before {
		t.Errorf("services changed:\n%s\n%s", before, after)
	}
	s.mustRun(v1, "api")
	t.Logf("gave up after %s", got.Took.Round(100*time.Millisecond))
	free()
	s.must(0, "deploy", "v1.1.0", "--yes")
	s.mustRun(v2, "api")
}

// hold opens a session that runs SQL and stays; the function it gives ends it and may be repeated.
func (s *stage) hold(sql string) func() {
	s.t.Helper()
	cmd := s.Lab.Command(s.ctx, "psql", "-q", s.DatabaseURL)
	in, err := cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(in, "%s;\n", sql); err != nil {
		s.t.Fatal(err)
	}
	s.until("somebody holds "+sql, 10*time.Second, func() bool {
		return s.value("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' "+
			"AND datname = current_database()") == "1"
	})
	done := false
	return func() {
		if done {
			return
		}
		done = true
		in.Close()
		_ = cmd.Wait()
	}
}
