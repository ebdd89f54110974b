package storage

import (
	"net/http"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/internal/errcode"
)

// MaxRepository is the longest repository name in bytes, as distribution has it.
const MaxRepository = 255

// ParseDigest reads a digest whose algorithm is known here. Errors are refusals
// of the distribution specification 1.1.
func ParseDigest(s string) (digest.Digest, error) {
	if isSHA256(s) {
		return digest.Digest(s), nil
	}
	d, err := digest.Parse(s)
	if err != nil || (d.Algorithm() != digest.SHA256 && d.Algorithm() != digest.SHA512) {
		return "", errcode.Refuse(http.StatusBadRequest, errcode.DigestInvalid, "digest %.150q: expected sha256:<64 hex> or sha512:<128 hex>", s)
	}
	return d, nil
}

// isSHA256 knows the usual digest without a regular expression.
func isSHA256(s string) bool {
	hex, ok := strings.CutPrefix(s, "sha256:")
	if !ok || len(hex) != 64 {
		return false
	}
	for i := 0; i < len(hex); i++ {
		if c := hex[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// IsTag reports whether s is a tag by the distribution specification 1.1.
func IsTag(s string) bool {
	if s == "" || len(s) > 128 || s[0] == '.' || s[0] == '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlnum(c) && (c < 'A' || c > 'Z') && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

// IsUploadID holds for the ids that distribution makes: UUIDs.
func IsUploadID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlnum(c) && c != '-' {
			return false
		}
	}
	return true
}

// CheckRepository holds s to the name grammar of the specification:
//
//	name      = part { "/" part }
//	part      = alnum { alnum } { separator alnum { alnum } }
//	separator = "." | "_" | "__" | "-" { "-" }
func CheckRepository(s string) error {
	ok := s != "" && len(s) <= MaxRepository
	for part := range strings.SplitSeq(s, "/") {
		ok = ok && isNamePart(part)
	}
	if !ok {
		return errcode.Refuse(http.StatusBadRequest, errcode.NameInvalid, "repository %.300q: expected at most %d bytes of a-z and 0-9 with \"/\", and single \".\", \"_\", \"__\" or dashes between", s, MaxRepository)
	}
	return nil
}

func isNamePart(s string) bool {
	for i := 0; i < len(s); {
		start := i
		for i < len(s) && isAlnum(s[i]) {
			i++
		}
		if i == start {
			return false
		}
		if i == len(s) {
			return true
		}
		start = i
		for i < len(s) && !isAlnum(s[i]) {
			i++
		}
		if sep := s[start:i]; sep != "." && sep != "_" && sep != "__" && strings.Trim(sep, "-") != "" {
			return false
		}
	}
	return false
}

func isAlnum(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// CompareTags is the lexical order of the specification: case-insensitive,
// and by bytes where that ties.
func CompareTags(a, b string) int {
	if c := strings.Compare(strings.ToLower(a), strings.ToLower(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}
