package applier

import (
	"bytes"
	"strings"
	"testing"
)

func TestSetupSQL_quotes_the_schema(t *testing.T) {
	if sql := SetupSQL(`od"d`); !strings.Contains(sql, `CREATE SCHEMA "od""d"`) || bytes.Contains([]byte(sql),
		[]byte(` od"d`)) {
		t.Errorf("it reads %s", sql)
	}
}
