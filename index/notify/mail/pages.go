package mail

import (
	"log/slog"
	"net/http"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/notify"
)

// Path is where the links of letters lead.
const Path = "/mail/"

// Pages answer the links of letters without a login: the token in a link is what
// lets it. What is opened asks; only what is sent does something, since programs open
// the links of letters by themselves. A one-click unsubscribe (RFC 8058) is sent.
func Pages(of *notify.Mailboxes, log *slog.Logger) http.Handler {
	l := pages{of, log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+notify.ConfirmPath, l.askConfirm)
	mux.HandleFunc("POST "+notify.ConfirmPath, l.confirm)
	mux.HandleFunc("GET "+notify.UnsubscribePath, l.askUnsubscribe)
	mux.HandleFunc("POST "+notify.UnsubscribePath, l.unsubscribe)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		l.fail(w, r, index.NewProblem(index.CodeNotFound, "there is no such page", "open the link as the letter has it"))
	})
	return mux
}

type pages struct {
	of  *notify.Mailboxes
	log *slog.Logger
}

type view struct {
	Title, Text, Button, Token string
	Fixes                      []string
	Choices                    []choice
	Refused                    bool
}

// A choice is an account that waits for an address.
type choice struct{ Owner, Address, Button string }

func (l pages) show(w http.ResponseWriter, status int, v view) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
	w.WriteHeader(status)
	_ = marked.ExecuteTemplate(w, "page.html", v)
}

func (l pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := index.ProblemOf(err)
	if p.Code == index.CodeInternal {
		l.log.ErrorContext(r.Context(), "mail: a link of a letter cannot be answered", "path", r.URL.Path, "err", err)
	}
	l.show(w, p.Status, view{Title: p.Title, Text: p.Detail, Fixes: p.Fixes, Refused: true})
}

// tokenOf is that of the link, which a one-click unsubscribe sends to as it is.
func tokenOf(w http.ResponseWriter, r *http.Request) string {
	if token := r.URL.Query().Get("token"); token != "" {
		return token
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	return r.FormValue("token")
}

func (l pages) askConfirm(w http.ResponseWriter, r *http.Request) {
	token := tokenOf(w, r)
	all, err := l.of.Pending(r.Context(), token)
	if err != nil {
		l.fail(w, r, err)
		return
	}
	v := view{Title: "Confirm this address", Token: token,
		Text: "Who asks to be told there of what happens to plugins? If none of these is you, close this page."}
	for _, m := range all {
		v.Choices = append(v.Choices, choice{m.Owner, m.Address, "Send letters for " + m.Owner + " to " + m.Address})
	}
	l.show(w, http.StatusOK, v)
}

func (l pages) confirm(w http.ResponseWriter, r *http.Request) {
	address, err := l.of.Confirm(r.Context(), tokenOf(w, r), r.FormValue("owner"), r.FormValue("address"))
	if err != nil {
		l.fail(w, r, err)
		return
	}
	l.show(w, http.StatusOK, view{Title: "The address is confirmed", Text: "Letters are sent to " + address + " from now on. Each has a link that ends them."})
}

func (l pages) askUnsubscribe(w http.ResponseWriter, r *http.Request) {
	token := tokenOf(w, r)
	s, err := l.of.Unsubscribing(r.Context(), token)
	if err != nil {
		l.fail(w, r, err)
		return
	}
	l.show(w, http.StatusOK, view{Title: "Unsubscribe", Token: token, Button: "Unsubscribe " + s.Receiver,
		Text: "No more letters of this subscription are sent to " + s.Receiver + ", those of emergencies among them."})
}

func (l pages) unsubscribe(w http.ResponseWriter, r *http.Request) {
	if err := l.of.Unsubscribe(r.Context(), tokenOf(w, r)); err != nil {
		l.fail(w, r, err)
		return
	}
	l.show(w, http.StatusOK, view{Title: "You are unsubscribed", Text: "No more letters of this subscription are sent."})
}
