package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/oarlock/oarlock/artifact"
)

// A Change says what a replica changed in the storage that all share: a tag
// that was set or deleted ("" for a manifest alone), the digest of the
// manifest, and that of its subject or "". Without a manifest, anything in the
// repository may have changed.
type Change struct {
	Repository string `json:"repository"`
	Tag        string `json:"tag,omitempty"`
	Manifest   string `json:"manifest,omitempty"`
	Subject    string `json:"subject,omitempty"`
	// Block says instead what a replica did about a block, in the registry's words.
	Block json.RawMessage `json:"block,omitempty"`
	// Alive says instead that all that was announced until then was heard.
	Alive time.Time `json:"-"`
	// Missed says instead that changes may have gone unheard, so that
	// everything is to be looked at.
	Missed bool `json:"-"`
}

// A Notifier tells the replicas over one PostgreSQL database of one another's
// changes, by NOTIFY. It is safe for concurrent use; Close ends it.
type Notifier struct {
	url, self string
	db        *sql.DB
}

const (
	channel      = "oarlock_change"
	listenAgain  = 5 * time.Second  // the longest wait before the next attempt
	listenCheck  = time.Second      // how long silence is trusted
	listenGood   = 20 * time.Second // what listened so long is tried again at once
	maxAnnouncer = 4                // connections
)

// OpenNotifier opens the notifier of a PostgreSQL database; any other url
// wraps artifact.ErrInvalid.
func OpenNotifier(ctx context.Context, url string) (*Notifier, error) {
	if !isPostgres(url) {
		scheme, _, _ := strings.Cut(url, "://")
		return nil, fmt.Errorf("notifier: scheme %q: expected postgres: %w", scheme, artifact.ErrInvalid)
	}
	s, err := openPostgres(ctx, url)
	if err != nil {
		return nil, err
	}
	s.hurry()
	s.write.SetMaxOpenConns(maxAnnouncer)
	s.write.SetMaxIdleConns(maxAnnouncer)
	return &Notifier{url: url, self: rand.Text(), db: s.write.DB}, nil
}

// Close ends the announcements; Listen ends with its context.
func (n *Notifier) Close() error { return n.db.Close() }

type announcement struct {
	From string `json:"from"`
	Change
}

// Announce tells every other replica, of all changes or of none. When it returns
// nil, PostgreSQL has passed them on to those that listen.
func (n *Notifier) Announce(ctx context.Context, changes ...Change) error {
	texts := make([]string, len(changes))
	for i, c := range changes {
		text, err := json.Marshal(announcement{n.self, c})
		if err != nil {
			return err
		}
		texts[i] = string(text)
	}
	payload, err := json.Marshal(texts)
	if err != nil {
		return err
	}
	_, err = n.db.ExecContext(ctx, "SELECT pg_notify($1, text) FROM jsonb_array_elements_text($2::jsonb) AS text", channel, string(payload))
	return wrap("announce", err)
}

// Listen calls fn for what other replicas announce until ctx ends, and with
// Missed each time it begins to listen, also after a connection was lost. fn
// must not block. lost is told why a connection ended; it is tried again.
func (n *Notifier) Listen(ctx context.Context, fn func(Change), lost func(error)) {
	for wait := 100 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, listenAgain) {
		began := time.Now()
		err := n.listen(ctx, fn)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > listenGood {
			wait = 100 * time.Millisecond
		}
		lost(err)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

func (n *Notifier) listen(ctx context.Context, fn func(Change)) error {
	config, err := postgresConfig(n.url, nil) // it is silent while nothing changes, and asked every second
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		// The driver's text can hold the password of the url.
		return fmt.Errorf("listen: PostgreSQL at %q does not answer: %s", hostOf(n.url), reason(err))
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return wrap("listen", err)
	}
	fn(Change{Missed: true})
	alive := time.Now()
	for {
		if time.Since(alive) >= listenCheck { // also while one follows another
			asked := time.Now()
			if err := n.check(ctx, conn); err != nil {
				return wrap("listen", err)
			}
			alive = asked
			fn(Change{Alive: asked})
		}
		quiet, cancel := context.WithTimeout(ctx, listenCheck)
		told, err := conn.WaitForNotification(quiet)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, context.DeadlineExceeded) {
			continue
		}
		if err != nil {
			return wrap("listen", err)
		}
		var a announcement
		switch err := json.Unmarshal([]byte(told.Payload), &a); {
		case err != nil || a.Repository == "" && len(a.Block) == 0:
			fn(Change{Missed: true}) // said by a newer release
		case a.From != n.self:
			fn(a.Change)
		}
	}
}

// check notices a connection whose other end has gone without a word.
func (n *Notifier) check(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, lockAnswer)
	defer cancel()
	return conn.Ping(ctx)
}
