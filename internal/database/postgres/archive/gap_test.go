//go:build postgres

package archive

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/internal/database/postgres/servertest"
)

func TestRestorePoint_is_made_only_where_the_server_archives_and_the_role_may(t *testing.T) {
	s, err := servertest.StartServer()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	archived := func(command string) {
		t.Helper()
		s.Halt()
		f, err := os.OpenFile(filepath.Join(s.Dir, "data", "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString("\narchive_mode = on\narchive_command = '" + command + "'\n"); err != nil {
			t.Fatal(err)
		}
		if err := s.Resume(); err != nil {
			t.Fatal(err)
		}
	}
	archived("/bin/true")
	url := s.URL("owner", "postgres")
	p, err := opened(t, url).RestorePoint(t.Context(), "fairlead r-one")
	said, unread := s.Log()
	if unread != nil {
		t.Fatal(unread)
	}
	if err != nil || p.Name != "fairlead r-one" || p.LSN == "" || p.Timeline != 1 || p.System == "" ||
		!strings.Contains(said, `restore point "fairlead r-one" created`) {
		t.Errorf("the point is %+v, error %v", p, err)
	}
	servertest.Admin(t, url, `CREATE ROLE weak LOGIN PASSWORD 'weak'`)
	weak := strings.Replace(url, "owner:"+servertest.PasswordOf(url), "weak:weak", 1)
	if p, err := opened(t, weak).RestorePoint(t.Context(), "x"); err != nil || p.Name != "" ||
		!strings.Contains(p.Why, "may not create a restore point") {
		t.Errorf("a role that may not gets %+v, error %v", p, err)
	}
	archived("/bin/false")
	servertest.Admin(t, url, "CREATE TABLE public.w (n int)", "SELECT pg_switch_wal()")
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && servertest.Ask[int](t, url,
		"SELECT failed_count::int FROM pg_stat_archiver") == 0; time.Sleep(100 * time.Millisecond) {
	}
	if p, err := opened(t, url).RestorePoint(t.Context(), "x"); err != nil || p.Name != "" ||
		!strings.Contains(p.Why, "archiving fails since") {
		t.Errorf("where archiving fails it gives %+v, error %v", p, err)
	}
}
