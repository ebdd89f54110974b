package catalog

import "strings"

// bonus is what e gets when the whole text is, or begins, its name.
func (e *entry) bonus(text string) int {
	publisher, plugin := e.id.Publisher(), e.id.Plugin()
	full := fullBegins(publisher, plugin, text)
	switch {
	case text == e.name, len(text) == len(plugin) && idBegins(plugin, text), full && len(text) == len(publisher)+1+len(plugin):
		return bonusExact
	case full, strings.HasPrefix(e.name, text), idBegins(plugin, text):
		return bonusPrefix
	}
	return 0
}

// idBegins reports whether the phrase of s, a part of an id, begins with text.
func idBegins(s, text string) bool {
	if len(text) > len(s) {
		return false
	}
	for i := range len(text) {
		if c := s[i]; c != text[i] && (c != '-' || text[i] != ' ') {
			return false
		}
	}
	return true
}

// fullBegins reports whether the phrase of a whole id begins with text.
func fullBegins(publisher, plugin, text string) bool {
	n := len(publisher)
	if len(text) <= n {
		return idBegins(publisher, text)
	}
	return idBegins(publisher, text[:n]) && text[n] == ' ' && idBegins(plugin, text[n+1:])
}

// phraseOfID is phrase for the text of an id, which is folded already.
func phraseOfID(s string) string { return idSeparators.Replace(s) }

var idSeparators = strings.NewReplacer("-", " ", "/", " ")

// A head is the first eight bytes of a phrase, the first one highest.
type head uint64

func headOf(phrase string) (h head) {
	for i := range min(len(phrase), 8) {
		h |= head(phrase[i]) << (56 - 8*i)
	}
	return h
}

// heads are those of the phrases that bonus compares with: enough to leave out
// nearly every plugin without going to its entry.
type heads struct{ name, plugin, publisher head }

func headsOf(e *entry) heads {
	if e == nil {
		return heads{}
	}
	return heads{headOf(e.name), headOf(phraseOfID(e.id.Plugin())), headOf(phraseOfID(e.id.String()))}
}

// mayBegin is false only where no phrase begins with text, whose head is asked.
func (h *heads) mayBegin(asked head, text string) bool {
	mask := ^head(0) << (64 - 8*min(len(text), 8))
	return (h.name^asked)&mask == 0 || (h.plugin^asked)&mask == 0 || (h.publisher^asked)&mask == 0
}
