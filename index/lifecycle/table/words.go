package table

import (
	"fmt"
	"strings"
)

// Markdown is the table as docs/lifecycle.md has it: one line for each state, one
// column for each operation, and where roles are answered differently, each answer
// with the roles that get it.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| state | code | mirrors |")
	for _, o := range AllOperations() {
		b.WriteString(" " + o.String() + " |")
	}
	b.WriteString("\n|---|---|---|" + strings.Repeat("---|", len(operationNames)) + "\n")
	for _, s := range append(AllStates(), State{Unknown: true}) {
		code := s.rule().code
		if code != "" {
			code = "`" + code + "`"
		}
		travels := "yes"
		if !s.Travels() {
			travels = "no"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |", s.words(), code, travels)
		for _, o := range AllOperations() {
			b.WriteString(" " + s.answers(o) + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (s State) words() string {
	if s.Unknown {
		return s.Name()
	}
	of := "plugin"
	if s.Version != "" {
		of = "version"
	}
	name, more, _ := strings.Cut(s.Name(), " ")
	if more != "" {
		more = " " + more
	}
	return of + " `" + name + "`" + more
}

// answers are those to all roles, or each with its roles.
func (s State) answers(o Operation) string {
	var order []string
	roles := map[string][]string{}
	for _, r := range AllRoles() {
		word := s.Cell(r, o).word(o)
		if roles[word] == nil {
			order = append(order, word)
		}
		roles[word] = append(roles[word], r.String())
	}
	if len(order) == 1 {
		return order[0]
	}
	for i, word := range order {
		order[i] = word + " (" + strings.Join(roles[word], ", ") + ")"
	}
	return strings.Join(order, "; ")
}

func (c Cell) word(o Operation) string {
	switch {
	case o == Run:
		return "`" + string(c.Standing) + "`"
	case c.Fields != "":
		return string(c.Fields)
	case c.Answer == Yes:
		return "yes"
	case c.Answer == Warn:
		return "with a warning"
	}
	return fmt.Sprint(c.Status)
}
