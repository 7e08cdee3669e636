package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"

	"fairlead/internal/backup"
	"fairlead/internal/fault"
)

// unchanged is what a failure of the store means: nothing is migrated without a backup.
const unchanged = "no backup was finished there; production is unchanged"

// explain says what was done when an error came, and makes a fault of what a person can mend. nil stays nil.
func (s *Store) explain(doing string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	f := s.faultOf(err)
	if f == nil {
		return fmt.Errorf("%s: %s: %w", doing, s.place, err)
	}
	f.What = fmt.Sprintf("the backup store %s: %s", s.place, f.What)
	f.Means, f.Err = unchanged, fmt.Errorf("%s: %w", doing, err)
	if f.Code == "backup-store-full" {
		return backup.As(backup.ErrFull, f)
	}
	return f
}

func (s *Store) faultOf(err error) *fault.Fault {
	var r minio.ErrorResponse
	if errors.As(err, &r) {
		if f := s.said(r); f != nil {
			return f
		}
	}
	switch {
	case isTLS(err):
		return &fault.Fault{Code: "backup-store-tls", What: "no trusted TLS connection",
			Do: []fault.Command{{Line: "openssl s_client -connect " + s.host() + " </dev/null",
				Why: "shows the certificate that it gives"},
				{Line: "backup: {store: {ca_file: …}}",
					Why: "for an authority of your own; plain_http: true only inside a trusted network"}}}
	case isNetwork(err):
		return &fault.Fault{Code: "backup-store-unreachable", What: "it does not answer",
			Do: []fault.Command{{Line: "curl -sSI " + s.core.EndpointURL().String(),
				Why: "what is reached from this machine"}, {Line: "fairlead check", Why: "asks again"}}}
	}
	return nil
}

// said makes a fault of the server's own word.
func (s *Store) said(r minio.ErrorResponse) *fault.Fault {
	aws := func(line, why string) []fault.Command {
		return []fault.Command{{Line: line, Why: why}, {Line: "fairlead check", Why: "asks again"}}
	}
	switch r.Code {
	case "NoSuchBucket":
		return &fault.Fault{Code: "backup-store-missing", What: "there is no bucket of that name",
			Do: aws("aws --endpoint-url "+s.core.EndpointURL().String()+" s3 mb s3://"+s.bucket,
				"makes it; or mend bucket in fairlead.yaml")}
	case "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "InvalidRegion":
		return &fault.Fault{Code: "backup-store-region", What: "the bucket is in another region than " + s.region,
			Do: aws("backup: {store: {region: …}}", "in fairlead.yaml")}
	case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken",
		"AllAccessDisabled", "UnauthorizedAccess":
		return denied(r.Code, aws)
	case "RequestTimeTooSkewed":
		return &fault.Fault{Code: "clock-differs", What: "its clock and this machine's differ too much",
			Do: aws("timedatectl", "does this machine follow a time server?")}
	}
	switch {
	case isFull(r):
		return &fault.Fault{Code: "backup-store-full", What: "it has no room: " + r.Code,
			Do: []fault.Command{{Line: "fairlead backup prune --dry-run", Why: "what retention would remove"}}}
	case r.StatusCode == http.StatusForbidden, r.StatusCode == http.StatusUnauthorized,
		strings.EqualFold(r.Code, "InvalidAccessKeyId"), r.Code == "XAdminUserNotFound":
		return denied(r.Code, aws)
	}
	return nil
}

func denied(word string, do func(line, why string) []fault.Command) *fault.Fault {
	return &fault.Fault{Code: "backup-store-denied", What: "it refuses the key: " + word,
		Do: do("backup: {store: {access_key: …, secret_key: …}}",
			"the variables that fairlead.yaml names; the key needs to list, read, write and delete below the prefix")}
}

func isFull(r minio.ErrorResponse) bool {
	words := []string{"StorageFull", "QuotaExceeded", "InsufficientStorage", "NoSpaceLeft"}
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(r.Code, word) }) ||
		r.StatusCode == http.StatusInsufficientStorage || strings.Contains(strings.ToLower(r.Message), "no space left")
}

func isTLS(err error) bool {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &unknown) || errors.As(err, &name) || errors.As(err, &invalid) || errors.As(err, &verify) ||
		errors.As(err, &record) ||
		strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") ||
		strings.Contains(err.Error(), "first record does not look like a TLS handshake")
}

func isNetwork(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, context.DeadlineExceeded)
}

// host is the endpoint with its port.
func (s *Store) host() string {
	u := s.core.EndpointURL()
	if u.Port() != "" {
		return u.Host
	}
	return u.Host + ":443"
}
