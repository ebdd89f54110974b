package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/index/auth"
)

// bootstrap makes the first admin token of a site and hands it over: to a file,
// to nobody where the operator brought it, or else in one line of notice.
func (a *accounts) bootstrap(ctx context.Context, url string, notice io.Writer) error {
	o := a.cfg.Bootstrap
	first := auth.FirstToken{Text: o.Token, Lifetime: o.Lifetime}
	var until time.Time
	written := false
	first.Keep = func(t auth.Token, ends time.Time) (err error) {
		until = ends
		if o.TokenFile != "" {
			err = writeToken(o.TokenFile, t)
			written = err == nil
		}
		return err
	}
	token, made, err := a.tokens.Bootstrap(ctx, first)
	if err != nil {
		if written { // it became no token
			err = errors.Join(err, os.Remove(o.TokenFile))
		}
		return fmt.Errorf("bootstrap token: %w", err)
	}
	if !made {
		return nil
	}
	switch {
	case o.TokenFile != "":
		_, err = fmt.Fprintf(notice, "bootstrap admin token: written to %s\n", o.TokenFile)
	case o.Token != "":
		_, err = fmt.Fprintf(notice, "bootstrap admin token: the one of OARLOCK_BOOTSTRAP_TOKEN\n")
	default:
		_, err = fmt.Fprintf(notice, "bootstrap admin token, shown this once: %s\n", token.Reveal())
	}
	_, e := fmt.Fprintf(notice, "%s\nlog in with: oarlock login %s -u admin -p TOKEN\n", ending(until), hostOf(url))
	return errors.Join(err, e)
}

// ending says when a token ends, and what to do before.
func ending(until time.Time) string {
	if until.IsZero() {
		return "it ends when it is revoked"
	}
	return fmt.Sprintf("it ends at %s: make another before, oarlock token create NAME --kind admin --expires never", until.UTC().Format(time.RFC3339))
}

// writeToken puts a token into a new file that nobody else may read. Whatever
// stands there, a link too, is left alone.
func writeToken(path string, t auth.Token) error {
	err := durable.Create(path, []byte(t.Reveal()+"\n"), 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("bootstrap.token_file: %q: something is there already, and it is not written over: name a new file", path)
	}
	if err != nil {
		return fmt.Errorf("bootstrap.token_file: %w", err)
	}
	return nil
}

// GenerateToken draws the text of a token, for OARLOCK_BOOTSTRAP_TOKEN.
func GenerateToken() string { return auth.GenerateToken() }
