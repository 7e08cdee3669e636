package migrator

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash/crc32"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Want is what a file must look like in its tool's history once it is applied. Without Keys nothing can be told; Why
// says why.
type Want struct {
	Tool Tool
	// Schema: of the history, where the file names it
	Schema string
	// Keys: entries that must be there
	Keys []string
	// Gone: entries that must not be there any more
	Gone []string
	// Sum: the file's checksum as the tool counts it
	Sum string
	// Records: the file itself writes the entries
	Records bool
	Why     string
}

// maxKeys bounds how many entries one file is taken to write.
const maxKeys = 10_000

// WantOf gives what a file would be in its tool's history; false where nothing shows a tool. The name may hold folders,
// which some tools need.
func WantOf(file string, sql []byte) (Want, bool) {
	w := Want{Tool: Of(file, string(sql[:min(len(sql), headSize)]))}
	file = strings.ReplaceAll(file, `\`, "/")
	base, folder := path.Base(file), path.Base(path.Dir(file))
	switch w.Tool {
	case "":
		return Want{}, false
	case EF:
		w.recorded(efInsert, efDelete, sql)
	case Alembic:
		w.moved(sql)
	case Prisma:
		w.Sum = sum256(sql)
		if base == "migration.sql" && prismaFolder.MatchString(folder) {
			w.Keys = []string{folder}
		}
	case Flyway:
		w.Sum = strconv.Itoa(int(int32(flywaySum(sql))))
		w.flyway(base)
	case Django:
		w.django(base, folder)
	case Diesel:
		version, _, _ := strings.Cut(folder, "_")
		w.numbered(strings.ReplaceAll(version, "-", ""), base == "down.sql")
	case Goose:
		w.numbered(leadingNumber(base), false)
	case GolangMigrate:
		w.numbered(leadingNumber(base), strings.HasSuffix(base, ".down.sql"))
	}
	w.reason()
	return w, true
}

// reason says why no entry can be told.
func (w *Want) reason() {
	empty := func(k string) bool { return k == "" }
	w.Keys, w.Gone = slices.DeleteFunc(w.Keys, empty), slices.DeleteFunc(w.Gone, empty)
	if len(w.Keys) > 0 || len(w.Gone) > 0 || w.Why != "" {
		return
	}
	w.Why = map[Tool]string{
		EF:      "the script inserts no row into __EFMigrationsHistory",
		Alembic: "the script does not move alembic_version",
		Prisma:  "the file is not in a folder of prisma/migrations, whose name is the entry",
		Flyway:  "the file's name gives no version",
		Django:  "the file's name does not give app and migration, like shop/0002_add_note.sql",
		Diesel:  "the folder's name does not begin with a version",
	}[w.Tool]
	if w.Why == "" {
		w.Why = "the file's name does not begin with a version"
	}
}

// numbered is an entry that is a number from the name.
func (w *Want) numbered(version string, down bool) {
	switch {
	case version == "":
	case down:
		w.Gone = []string{version}
	default:
		w.Keys = []string{version}
	}
}

var (
	prismaFolder = regexp.MustCompile(`^[0-9]{14}_`)
	efInsert     = regexp.MustCompile(
		`(?is)INSERT\s+INTO\s+(?:"?(\w+)"?\.)?"?__EFMigrationsHistory"?\s*\([^)]*\)\s*VALUES\s*\(\s*'((?:[^']|'')*)'`)
	efDelete = regexp.MustCompile(
		`(?is)DELETE\s+FROM\s+(?:"?(\w+)"?\.)?"?__EFMigrationsHistory"?\s+` +
			`WHERE\s+"?MigrationId"?\s*=\s*'((?:[^']|'')*)'`)
	alembicMove = regexp.MustCompile(
		`(?is)(INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(?:"?(\w+)"?\.)?"?alembic_version"?\s+` +
			`(?:\(\s*version_num\s*\)\s*VALUES\s*\(\s*'([^']*)'|` +
			`SET\s+version_num\s*=\s*'([^']*)'\s*WHERE\s+[\w.]*version_num\s*=\s*'([^']*)'|` +
			`WHERE\s+[\w.]*version_num\s*=\s*'([^']*)')`)
	djangoName = regexp.MustCompile(`^(?:(\w+?)[._-])?([0-9]{4}_\w+)\.sql$`)
)

// recorded finds the entries that the script writes and removes.
func (w *Want) recorded(insert, remove *regexp.Regexp, sql []byte) {
	for _, m := range insert.FindAllSubmatch(sql, maxKeys) {
		w.Schema, w.Records = string(m[1]), true
		w.Keys = append(w.Keys, strings.ReplaceAll(string(m[2]), "''", "'"))
	}
	for _, m := range remove.FindAllSubmatch(sql, maxKeys) {
		w.Schema, w.Records = string(m[1]), true
		w.Gone = append(w.Gone, strings.ReplaceAll(string(m[2]), "''", "'"))
	}
	w.Gone = slices.DeleteFunc(w.Gone, func(k string) bool { return slices.Contains(w.Keys, k) })
}

// moved follows how the script moves the heads from one revision to the next; what it only passes through is no entry.
func (w *Want) moved(sql []byte) {
	var heads, left []string
	for _, m := range alembicMove.FindAllSubmatch(sql, maxKeys) {
		w.Schema, w.Records = string(m[2]), true
		to := string(m[3]) + string(m[4])
		from := string(m[5]) + string(m[6])
		if from != "" {
			if i := slices.Index(heads, from); i >= 0 {
				heads = slices.Delete(heads, i, i+1)
			} else {
				left = append(left, from)
			}
		}
		if to != "" {
			heads = append(heads, to)
		}
	}
	w.Keys = heads
	w.Gone = slices.DeleteFunc(left, func(k string) bool { return slices.Contains(heads, k) })
}

// flyway reads a name like V1_2__add_note.sql (version 1.2) or R__views.sql (entered by its script).
func (w *Want) flyway(base string) {
	prefix, _, ok := strings.Cut(base, "__")
	if !ok {
		return
	}
	switch version := strings.Trim(strings.ReplaceAll(prefix[1:], "_", "."), "."); {
	case base[0] == 'R':
		w.Keys = []string{base}
	case version == "":
	case base[0] == 'U':
		w.Gone = []string{version}
	default:
		w.Keys = []string{version}
	}
}

// django takes app and name from shop/0002_x.sql or shop_0002_x.sql.
func (w *Want) django(base, folder string) {
	m := djangoName.FindStringSubmatch(base)
	switch {
	case m == nil:
	case m[1] != "":
		w.Keys = []string{m[1] + "." + m[2]}
	case folder != "." && folder != "/" && folder != "migrations" && folder != "sql":
		w.Keys = []string{folder + "." + m[2]}
	}
}

// leadingNumber gives the number that a name begins with, without leading zeros.
func leadingNumber(name string) string {
	end := strings.IndexFunc(name, func(r rune) bool { return r < '0' || r > '9' })
	if end <= 0 || end > 18 {
		return ""
	}
	n, err := strconv.ParseInt(name[:end], 10, 64)
	if err != nil {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func sum256(sql []byte) string {
	s := sha256.Sum256(sql)
	return hex.EncodeToString(s[:])
}

// flywaySum is the CRC-32 over the lines without their ends, and without a byte order mark.
func flywaySum(sql []byte) uint32 {
	sql = bytes.TrimPrefix(sql, []byte("\xef\xbb\xbf"))
	sum := uint32(0)
	for len(sql) > 0 {
		end := bytes.IndexAny(sql, "\r\n")
		if end < 0 {
			return crc32.Update(sum, crc32.IEEETable, sql)
		}
		sum = crc32.Update(sum, crc32.IEEETable, sql[:end])
		sql = sql[end+1:]
	}
	return sum
}
