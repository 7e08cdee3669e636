package render

import (
	"encoding/json"
	"io"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"fairlead/internal/sqlreview/report"
	"fairlead/internal/sqlreview/rules"
)

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver sarifDriver `json:"driver"`
	} `json:"tool"`
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
}

type sarifDriver struct {
	Name  string      `json:"name"`
	Rules []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID      string       `json:"id"`
	Short   sarifMessage `json:"shortDescription"`
	Help    sarifMessage `json:"help"`
	Default struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
}

type sarifMessage struct {
	Text string `json:"text"`
}

type sarifResult struct {
	Rule         string             `json:"ruleId"`
	Index        int                `json:"ruleIndex"`
	Level        string             `json:"level"`
	Message      sarifMessage       `json:"message"`
	Locations    []sarifLocation    `json:"locations"`
	Fingerprints map[string]string  `json:"partialFingerprints"`
	Suppressions []sarifSuppression `json:"suppressions,omitempty"`
}

type sarifLocation struct {
	Physical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region struct {
			Line   int `json:"startLine"`
			Column int `json:"startColumn"`
		} `json:"region"`
	} `json:"physicalLocation"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Justification string `json:"justification"`
}

// SARIF writes a report as SARIF 2.1.0, for code scanning and editors.
func SARIF(w io.Writer, r report.Report) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "fairlead", Rules: []sarifRule{}}
	all := rules.All()
	at := map[string]int{}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		rule := sarifRule{ID: id, Short: sarifMessage{all[id].Why}, Help: sarifMessage{all[id].Do}}
		rule.Default.Level = bySeverity(all[id].Severity, "error", "warning", "note")
		at[id] = len(run.Tool.Driver.Rules)
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rule)
	}
	for _, f := range r.Findings {
		result := sarifResult{Rule: f.Rule, Index: at[f.Rule],
			Level:        bySeverity(f.Severity, "error", "warning", "note"),
			Message:      sarifMessage{f.Message + ". " + f.Why},
			Fingerprints: map[string]string{"fairlead/v1": f.Fingerprint}, Locations: make([]sarifLocation, 1)}
		place := &result.Locations[0].Physical
		place.Artifact.URI, place.Region.Line, place.Region.Column = fileURI(f.File), max(f.Line, 1), max(f.Column, 1)
		if f.Waived != nil {
			kind := "external"
			if f.Waived.How == "exception" {
				kind = "inSource"
			}
			result.Suppressions = []sarifSuppression{{kind, f.Waived.String()}}
		}
		run.Results = append(run.Results, result)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

// fileURI is a relative reference, or a file URI for an absolute path.
func fileURI(name string) string {
	u := url.URL{Path: filepath.ToSlash(name)}
	if strings.HasPrefix(u.Path, "/") {
		u.Scheme = "file"
	}
	return u.String()
}
