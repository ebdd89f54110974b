package store

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
)

// packs are what events have in common: in a row each is one byte, 0x80 and its
// number here. What ends with sha256: has the 32 bytes of the digest after it. The
// list grows at its end alone.
var packs = []string{
	`{"kind":"published","plugin":"`,
	`{"kind":"lifecycle","ledger":"`,
	`{"kind":"channel","plugin":"`,
	`{"kind":"owner","ledger":"`,
	`{"kind":"key","ledger":"`,
	`{"kind":"review","ledger":"`,
	`","version":"`,
	`","channel":"`,
	`","sequence":`,
	`,"statement":"`,
	`","digest":"sha256:`,
	`,"digest":"sha256:`,
	`","at":"`,
	`:oarlock-state`,
	`oarlock/publishers:`,
}

const (
	packed = 0x80
	// verbatim stands before what is no text of a canonical event.
	verbatim  = 0xff
	hexDigest = 64
)

// pack makes an event half as long. A canonical event has no byte from 0x80 on; of
// what has, every byte is kept.
func pack(event []byte) []byte {
	if slices.ContainsFunc(event, func(b byte) bool { return b >= packed }) {
		return append([]byte{verbatim}, event...)
	}
	out := make([]byte, 0, len(event)/2)
	for rest := event; len(rest) > 0; {
		n, digest := packAt(rest)
		if n < 0 {
			out, rest = append(out, rest[0]), rest[1:]
			continue
		}
		out = append(append(out, byte(packed+n)), digest...)
		rest = rest[len(packs[n])+2*len(digest):]
	}
	return out
}

// packAt is the number of the pack that rest begins with, with the digest that follows
// it; -1 is none.
func packAt(rest []byte) (int, []byte) {
	for n, text := range packs {
		after, is := bytes.CutPrefix(rest, []byte(text))
		if !is {
			continue
		}
		if !strings.HasSuffix(text, "sha256:") {
			return n, nil
		}
		if len(after) < hexDigest {
			continue
		}
		if digest, err := hex.DecodeString(string(after[:hexDigest])); err == nil && hex.EncodeToString(digest) == string(after[:hexDigest]) {
			return n, digest
		}
	}
	return -1, nil
}

// unpack is the event of a row. What pack never wrote stays as it is: who reads events
// refuses it.
func unpack(row []byte) []byte {
	if len(row) > 0 && row[0] == verbatim {
		return row[1:]
	}
	out := make([]byte, 0, 2*len(row))
	for rest := row; len(rest) > 0; {
		n := int(rest[0]) - packed
		if n >= len(packs) {
			return row
		}
		if n < 0 {
			out, rest = append(out, rest[0]), rest[1:]
			continue
		}
		out, rest = append(out, packs[n]...), rest[1:]
		if strings.HasSuffix(packs[n], "sha256:") {
			if len(rest) < hexDigest/2 {
				return row
			}
			out, rest = hex.AppendEncode(out, rest[:hexDigest/2]), rest[hexDigest/2:]
		}
	}
	return out
}
