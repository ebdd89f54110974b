package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/registry/remote"
)

// errorResult is an error as --output json shows it, on stderr.
type errorResult struct {
	Error    string   `json:"error"`
	Code     string   `json:"code,omitempty"` // of the server's answer, or codeUsage
	ExitCode int      `json:"exit_code"`
	Fixes    []string `json:"fixes,omitempty"`
	// Detail is what a registry said for programs, as next_patch for a version
	// that is taken.
	Detail any `json:"detail,omitempty"`
	// Hints are changes that make an unsatisfiable request resolve, all together.
	Hints []index.Hint `json:"hints,omitempty"`
}

// codeUsage is the code of a command line that cannot be understood.
const codeUsage = "usage"

// printError tells people, or programs, what went wrong.
func (c *console) printError(err error) {
	if c.output != "json" {
		fmt.Fprintf(c.Err, "oarlock: %s\n", indented(message(err)))
		return
	}
	r := errorResult{Error: message(err), ExitCode: exitCode(err)}
	if p := answerIn(err); p != nil {
		r.Code = p.Code
	}
	if pushed, ok := errors.AsType[*remote.Error](err); ok {
		r.Detail = pushed.Detail
	}
	if r.Code == "" && errors.Is(err, errUsage) {
		r.Code = codeUsage
	}
	var p *index.Problem
	if errors.As(err, &p) {
		r.Error, r.Code, r.Fixes, r.Hints = err.Error(), p.Code, p.Fixes, p.Hints
	}
	if raw, jsonErr := asJSON(r); jsonErr == nil {
		_, _ = c.Err.Write(raw)
	}
}

// message is what people read of err: what came, what was expected, what to do.
func message(err error) string {
	var problems *artifact.ProblemsError
	var answer *index.Problem
	switch {
	case errors.Is(err, errInterrupted):
		return "interrupted"
	case errors.As(err, &answer):
		return problemMessage(err, answer)
	case errors.As(err, &problems):
		lines := []string{strings.TrimSuffix(strings.Replace(err.Error(), problems.Error(), "", 1), ": ")}
		if lines[0] == "" {
			lines = []string{"what came does not follow the rules"}
		}
		for _, p := range problems.Problems {
			lines = append(lines, "  "+p.String())
		}
		return strings.Join(lines, "\n")
	}
	return err.Error()
}

func problemMessage(err error, p *index.Problem) string {
	text := err.Error()
	for _, fix := range p.Fixes {
		if !strings.Contains(text, fix) {
			text += "\n  " + fix
		}
	}
	switch {
	case p.Code == index.CodeUnsatisfiable && len(p.Hints) == 0:
		text += "\n  no change of the request is known that would help"
	case len(p.Hints) > 0:
		text += "\n  what would resolve it:"
		for _, h := range p.Hints {
			text += "\n  - " + h.Detail
		}
	}
	if p.RequestID != "" && !strings.Contains(text, p.RequestID) {
		text += "\n  request " + p.RequestID
	}
	return text
}
