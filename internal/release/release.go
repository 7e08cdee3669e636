// Package release holds the words of a release: Release, Image, Digest, Migration, and the one file format that carries
// them (fairlead.release/v1). It reads bytes that others fetched and does no I/O of its own. Start with Release and
// Parse.
package release

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gowebpki/jcs"
)

// Schema is the value of "schema" in a release file.
const Schema = "fairlead.release/v1"

// MaxFile is the largest release file that is read, in bytes. A real one has about 1 KB.
const MaxFile = 1 << 20

// ErrTooLarge is given for a release file of more than MaxFile bytes.
var ErrTooLarge = errors.New("the release file is larger than 1 MiB")

// A Migration is the SQL artifact of a release: its file (relative to the release file) and the SHA-256 of its exact
// bytes. Or it is a command of the team's own tool, with the files that it names and their sums; SHA256 is then
// CommandSum.
type Migration struct {
	File    string            `json:"file,omitempty"`
	Command []string          `json:"command,omitempty"`
	Files   map[string]string `json:"files,omitempty"` // path, relative to the release file, to sha256
	SHA256  string            `json:"sha256"`
}

// A Strategy is how the containers of one service are replaced. The zero Strategy stops the old ones first, which is
// what every service can bear.
type Strategy string

// A Rollout is what a plan says of the way its images come onto the hosts, beside the images themselves. The zero
// Rollout takes one host after the other and stops the old containers of each service first. Groups are names of hosts
// that are taken together, one group after the other; Strategies are those of services that have another than the zero
// Strategy.
type Rollout struct {
	Groups     [][]string          `json:"groups,omitempty"`
	Strategies map[string]Strategy `json:"strategies,omitempty"`
}

// A Release is one immutable thing: what was built from Commit under Tag, one digest-pinned image per service, and the
// migration or explicitly none (nil). RunID and RunAttempt name the CI run that wrote it, VerifiedIn the environment in
// which it claims to have been verified.
type Release struct {
	App        string
	Tag        string
	Commit     string
	RunID      string
	RunAttempt int64
	VerifiedIn string
	Images     []Image // sorted by service
	Migration  *Migration
}

// file is the layout of fairlead.release/v1.
type file struct {
	Schema     string            `json:"schema"`
	App        string            `json:"app"`
	Tag        string            `json:"tag"`
	Commit     string            `json:"commit"`
	RunID      string            `json:"run_id,omitempty"`
	RunAttempt int64             `json:"run_attempt,omitempty"`
	VerifiedIn string            `json:"verified_in,omitempty"`
	Images     map[string]string `json:"images"`
	Migration  json.RawMessage   `json:"migration"`
}

// Parse reads a release file strictly: unknown keys, tags, a missing "migration" key and trailing data are errors. It
// reads at most MaxFile bytes and then gives ErrTooLarge.
func Parse(r io.Reader) (Release, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return Release{}, fmt.Errorf("read release: %w", err)
	}
	if len(b) > MaxFile {
		return Release{}, ErrTooLarge
	}
	var f file
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return Release{}, fmt.Errorf("release file: %w", position(b, d, err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Release{}, errors.New("release file: something follows the JSON object")
	}
	return f.release()
}

func (f file) release() (Release, error) {
	if f.Schema != Schema {
		return Release{}, fmt.Errorf("release file: schema is %.80q, this program reads %q", f.Schema, Schema)
	}
	r := Release{App: f.App, Tag: f.Tag, Commit: f.Commit, RunID: f.RunID, RunAttempt: f.RunAttempt,
		VerifiedIn: f.VerifiedIn}
	for service, ref := range f.Images {
		img, err := ParseImage(service, ref)
		if err != nil {
			return Release{}, fmt.Errorf("release file: images: %w", err)
		}
		r.Images = append(r.Images, img)
	}
	slices.SortFunc(r.Images, func(a, b Image) int { return strings.Compare(a.Service, b.Service) })
	m, err := migration(f.Migration)
	if err != nil {
		return Release{}, err
	}
	r.Migration = m
	return r, r.Validate()
}

func migration(raw json.RawMessage) (*Migration, error) {
	if len(raw) == 0 {
		return nil, errors.New(`release file: "migration" is missing; write null when there is none`)
	}
	if string(raw) == "null" {
		return nil, nil
	}
	var m Migration
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("release file: migration: %w", err)
	}
	if m.Commanded() && m.SHA256 == "" {
		var err error
		if m.SHA256, err = CommandSum(m.Command, m.Files); err != nil {
			return nil, fmt.Errorf("release file: migration: %w", err)
		}
	}
	return &m, nil
}

// Validate tells what is missing or malformed in a release.
func (r Release) Validate() error {
	switch {
	case !Word(r.App):
		return fmt.Errorf("release: app %.80q must be letters, digits, dots, dashes and underscores", r.App)
	case !Word(r.Tag):
		return fmt.Errorf("release: tag %.80q must be letters, digits, dots, dashes, pluses and underscores", r.Tag)
	case !isCommit(r.Commit):
		return fmt.Errorf("release: commit %.80q must be 40 or 64 hex digits", r.Commit)
	case len(r.Images) == 0:
		return errors.New("release: there are no images")
	case r.RunAttempt < 0:
		return errors.New("release: run_attempt is negative")
	}
	for i, img := range r.Images {
		if !Word(img.Service) {
			return fmt.Errorf("release: service name %.80q", img.Service)
		}
		if i > 0 && r.Images[i-1].Service == img.Service {
			return fmt.Errorf("release: service %q stands twice", img.Service)
		}
	}
	if r.Migration != nil {
		return r.Migration.Validate()
	}
	return nil
}

// JSON writes the release as a fairlead.release/v1 file, indented, with a final newline.
func (r Release) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r.file(), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write release: %w", err)
	}
	return append(b, '\n'), nil
}

// MarshalJSON writes the layout of the file.
func (r Release) MarshalJSON() ([]byte, error) { return json.Marshal(r.file()) }

// UnmarshalJSON reads the layout of the file, as strictly as Parse.
func (r *Release) UnmarshalJSON(b []byte) error {
	p, err := Parse(bytes.NewReader(b))
	if err != nil {
		return err
	}
	*r = p
	return nil
}

func (r Release) file() file {
	f := file{Schema: Schema, App: r.App, Tag: r.Tag, Commit: r.Commit, RunID: r.RunID, RunAttempt: r.RunAttempt,
		VerifiedIn: r.VerifiedIn, Images: map[string]string{}, Migration: json.RawMessage("null")}
	for _, img := range r.Images {
		f.Images[img.Service] = img.Ref()
	}
	if r.Migration != nil {
		f.Migration, _ = json.Marshal(r.Migration)
	}
	return f
}

// ID is the SHA-256 of the canonical JSON of the release (RFC 8785), 64 hex digits. Run id and attempt are part of it,
// so the same images tested twice are two releases.
func (r Release) ID() (string, error) { return Canonical(r) }

// Image gives the image of a service.
func (r Release) Image(service string) (Image, bool) {
	for _, img := range r.Images {
		if img.Service == service {
			return img, true
		}
	}
	return Image{}, false
}

// Canonical gives the SHA-256, in hex, of v's JSON in the canonical form of RFC 8785. Integers beyond 2^53 must be
// strings in v.
func Canonical(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("canonical form: %w", err)
	}
	c, err := jcs.Transform(b)
	if err != nil {
		return "", fmt.Errorf("canonical form: %w", err)
	}
	return SumDigest(c).Hex(), nil
}

// position adds line and column to a decoding error.
func position(b []byte, d *json.Decoder, err error) error {
	at := d.InputOffset()
	var syn *json.SyntaxError
	if errors.As(err, &syn) {
		at = syn.Offset
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it ends too early; it was cut off")
	}
	at = min(at, int64(len(b)))
	line := 1 + bytes.Count(b[:at], []byte("\n"))
	column := int(at) - bytes.LastIndexByte(b[:at], '\n')
	return fmt.Errorf("line %d, column %d: %w", line, column, err)
}

// Word tells whether s is safe as a name, as a file name and as a word in commands.
func Word(s string) bool {
	if s == "" || len(s) > 128 || s[0] == '-' || s[0] == '.' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+") == ""
}

func isCommit(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}
