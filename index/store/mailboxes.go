package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/notify"
)

type mailboxRow struct {
	bun.BaseModel `bun:"table:mailboxes"`

	Owner       string `bun:"owner,pk"`
	Address     string `bun:"address,pk"`
	CreatedAt   int64  `bun:"created_at"`
	Token       []byte `bun:"token"`
	TokenUntil  int64  `bun:"token_until"`
	ConfirmedAt int64  `bun:"confirmed_at"`
	SuspendedAt int64  `bun:"suspended_at"`
	Reason      string `bun:"reason"`
	Mailbox     string `bun:"mailbox"`
}

func (r mailboxRow) record() notify.Mailbox {
	return notify.Mailbox{
		Owner: r.Owner, Address: r.Address, CreatedAt: fromMicro(r.CreatedAt), Token: r.Token, TokenUntil: fromMicro(r.TokenUntil),
		ConfirmedAt: fromMicro(r.ConfirmedAt), SuspendedAt: fromMicro(r.SuspendedAt), Reason: r.Reason,
	}
}

func mailboxRowOf(m notify.Mailbox) mailboxRow {
	return mailboxRow{
		Owner: m.Owner, Address: m.Address, CreatedAt: micro(m.CreatedAt), Token: bytesOrNone(m.Token), TokenUntil: micro(m.TokenUntil),
		ConfirmedAt: micro(m.ConfirmedAt), SuspendedAt: micro(m.SuspendedAt), Reason: m.Reason, Mailbox: notify.MailboxOf(m.Address),
	}
}

var (
	_ notify.MailboxStore = (*Store)(nil)
	_ notify.AskStore     = (*Store)(nil)
)

func mailboxNamed(owner string) string { return fmt.Sprintf("mailbox of %q", owner) }

// AddMailbox implements notify.MailboxStore.
func (s *Store) AddMailbox(ctx context.Context, m notify.Mailbox, most int) error {
	row := mailboxRowOf(m)
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := s.roomFor(ctx, "mailboxes", m.Owner, most); err != nil {
			return err
		}
		_, err := s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
		return wrap(mailboxNamed(m.Owner), err)
	})
}

// Mailbox implements notify.MailboxStore.
func (s *Store) Mailbox(ctx context.Context, owner, address string) (notify.Mailbox, error) {
	var row mailboxRow
	err := s.reader(ctx).NewSelect().Model(&row).Where("owner = ? AND address = ?", owner, address).Scan(ctx)
	return row.record(), wrap(mailboxNamed(owner), err)
}

// ChangeMailbox implements notify.MailboxStore.
func (s *Store) ChangeMailbox(ctx context.Context, m notify.Mailbox, was []byte) error {
	row := mailboxRowOf(m)
	n, err := affected(s.writer(ctx).NewUpdate().Model(&row).Column("token", "token_until", "confirmed_at", "suspended_at", "reason", "mailbox").
		Where("owner = ? AND address = ? AND token = ?", m.Owner, m.Address, bytesOrNone(was)).Exec(ctx))
	if err == nil && n == 0 {
		return fmt.Errorf("%s: it was changed meanwhile: %w", mailboxNamed(m.Owner), artifact.ErrConflict)
	}
	return wrap(mailboxNamed(m.Owner), err)
}

// RemoveMailbox implements notify.MailboxStore.
func (s *Store) RemoveMailbox(ctx context.Context, owner, address string) error {
	_, err := s.writer(ctx).NewDelete().Model((*mailboxRow)(nil)).Where("owner = ? AND address = ?", owner, address).Exec(ctx)
	return wrap(mailboxNamed(owner), err)
}

type askRow struct {
	bun.BaseModel `bun:"table:mailbox_asks"`

	Number  int64  `bun:"number,pk,autoincrement"`
	Whom    string `bun:"whom"`
	AskedAt int64  `bun:"asked_at"`
}

// Asked implements notify.AskStore.
func (s *Store) Asked(ctx context.Context, whom string, since time.Time) ([]time.Time, error) {
	if err := s.serialize(ctx, "mailbox_asks/"+whom); err != nil {
		return nil, err
	}
	var rows []askRow
	if err := s.reader(ctx).NewSelect().Model(&rows).Where("whom = ? AND asked_at > ?", whom, micro(since)).Order("asked_at", "number").Scan(ctx); err != nil {
		return nil, wrap("asks", err)
	}
	var before []time.Time
	for _, r := range rows {
		before = append(before, fromMicro(r.AskedAt))
	}
	return before, nil
}

// AddAsk implements notify.AskStore.
func (s *Store) AddAsk(ctx context.Context, whom string, now time.Time) error {
	_, err := s.writer(ctx).NewInsert().Model(&askRow{Whom: whom, AskedAt: micro(now)}).Exec(ctx)
	return wrap("asks", err)
}

// PruneAsks implements notify.AskStore.
func (s *Store) PruneAsks(ctx context.Context, before time.Time, limit int) (int, error) {
	old := s.reader(ctx).NewSelect().TableExpr("mailbox_asks AS a").ColumnExpr("a.number").Where("a.asked_at < ?", micro(before)).Limit(int64(limit))
	n, err := affected(s.writer(ctx).NewDelete().Model((*askRow)(nil)).Where("number IN (?)", old).Exec(ctx))
	return int(n), wrap("asks", err)
}

// MailboxesAt implements notify.MailboxStore.
func (s *Store) MailboxesAt(ctx context.Context, mailbox string) ([]notify.Mailbox, error) {
	var rows []mailboxRow
	if err := s.reader(ctx).NewSelect().Model(&rows).Where("mailbox = ?", mailbox).Order("created_at", "owner", "address").Scan(ctx); err != nil {
		return nil, wrap("mailboxes", err)
	}
	out := make([]notify.Mailbox, len(rows))
	for i, r := range rows {
		out[i] = r.record()
	}
	return out, nil
}

type letterRow struct {
	bun.BaseModel `bun:"table:mailbox_letters"`

	Token   []byte `bun:"token,pk"`
	Mailbox string `bun:"mailbox"`
	Until   int64  `bun:"until"`
}

var _ notify.LetterStore = (*Store)(nil)

// AddLetter implements notify.LetterStore.
func (s *Store) AddLetter(ctx context.Context, token []byte, mailbox string, until time.Time) error {
	_, err := s.writer(ctx).NewInsert().Model(&letterRow{Token: token, Mailbox: mailbox, Until: micro(until)}).Exec(ctx)
	return wrap("letter", err)
}

// Letter implements notify.LetterStore.
func (s *Store) Letter(ctx context.Context, token []byte) (string, time.Time, error) {
	var row letterRow
	err := s.reader(ctx).NewSelect().Model(&row).Where("token = ?", token).Scan(ctx)
	return row.Mailbox, fromMicro(row.Until), wrap("letter", err)
}

// PruneLetters implements notify.LetterStore.
func (s *Store) PruneLetters(ctx context.Context, before time.Time, limit int) (int, error) {
	old := s.reader(ctx).NewSelect().TableExpr("mailbox_letters AS l").ColumnExpr("l.token").Where("l.until < ?", micro(before)).Limit(int64(limit))
	n, err := affected(s.writer(ctx).NewDelete().Model((*letterRow)(nil)).Where("token IN (?)", old).Exec(ctx))
	return int(n), wrap("letters", err)
}
