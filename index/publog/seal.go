package publog

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/oarlock/oarlock/artifact"
)

// maxEvents bounds the events of one tile, in bytes.
const maxEvents = 8 << 20

// sealed are the events of a tile as a copy carries them: packed, and encrypted
// with a key of the site, so that a lost database is made anew from the registry
// and nobody else reads the names of what is private. The same events are the same
// bytes.
func (k *key) sealed(path string, events [][]byte) ([]byte, error) {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(bytes.Join(events, []byte("\n"))); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	aead, err := k.aead()
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, k.seal)
	fmt.Fprintf(h, "nonce\n%s\n", path)
	h.Write(packed.Bytes())
	nonce := h.Sum(nil)[:aead.NonceSize()]
	return aead.Seal(nonce, nonce, packed.Bytes(), []byte(path)), nil
}

// unsealed reads what sealed wrote. Errors wrap artifact.ErrUnverified.
func (k *key) unsealed(path string, raw []byte) ([][]byte, error) {
	aead, err := k.aead()
	if err != nil {
		return nil, err
	}
	if len(raw) < aead.NonceSize() {
		return nil, fmt.Errorf("%s: %d bytes: %w", path, len(raw), artifact.ErrUnverified)
	}
	packed, err := aead.Open(nil, raw[:aead.NonceSize()], raw[aead.NonceSize():], []byte(path))
	if err != nil {
		return nil, fmt.Errorf("%s: another key sealed it, or it is damaged: %w", path, artifact.ErrUnverified)
	}
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxEvents))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, err, artifact.ErrUnverified)
	}
	return bytes.Split(text, []byte("\n")), nil
}

func (k *key) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.seal)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// sealedTile are the events of a tile of the log.
func (l *Log) sealedTile(ctx context.Context, t tilePath) ([]byte, error) {
	leaves, err := l.written(ctx, t.number*tileWidth, t.width)
	if err != nil {
		return nil, err
	}
	events := make([][]byte, len(leaves))
	for i, one := range leaves {
		events[i] = one.Event
	}
	l.mu.Lock()
	k := l.key
	l.mu.Unlock()
	return k.sealed(t.String(), events)
}
