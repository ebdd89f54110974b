package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"

	"github.com/spf13/cobra"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/registry/remote"
)

// The exit codes. They are part of the contract.
const (
	exitOK            = 0
	exitFailure       = 1
	exitUsage         = 2
	exitPartial       = 3
	exitUndecided     = 4
	exitNotFound      = 10
	exitConflict      = 11
	exitUnverified    = 12
	exitDenied        = 13
	exitNotAuthorised = 14
	exitIncompatible  = 15
	exitInterrupted   = 130
)

// Kinds that only the command line has.
var (
	errUsage = errors.New("usage")

	// errReported goes with an error whose text has been printed as a result.
	errReported = errors.New("reported")

	// errPartial: the rest was done, and what could not be done is named.
	errPartial = errors.New("partial")

	// errUndecided: a check could not be made, so it has said neither yes nor no.
	errUndecided = errors.New("undecided")
)

// kinded is err with a kind for the exit code that its text does not repeat.
type kinded struct {
	error
	kind error
}

func (k kinded) Unwrap() []error { return []error{k.error, k.kind} }

func usagef(format string, args ...any) error {
	return kinded{fmt.Errorf(format, args...), errUsage}
}

// argument marks err as the caller's: what he typed cannot be understood. A file
// or directory that he named and that is not there is "not found" and nothing else,
// whichever verb he gave it to.
func argument(err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return kinded{err, errUsage}
}

// exits is the one table from errors to exit codes; the first that holds wins.
// An answer of a catalog and one of a registry are told apart by nothing but
// what they say.
var exits = []struct {
	holds func(error) bool
	code  int
}{
	{is(errInterrupted), exitInterrupted},
	{is(context.Canceled), exitInterrupted},
	{is(errUsage), exitUsage},
	{is(errPartial), exitPartial},
	{is(config.ErrUnusable), exitUsage},
	{coded(index.CodeUnauthorized, index.CodeNotAuthorised, index.CodeNamespaceUnclaimed), exitNotAuthorised},
	{is(auth.ErrBasicCredentialNotFound), exitNotAuthorised},
	{coded(index.CodeUnsatisfiable, index.CodeNothingCompatible), exitIncompatible},
	{answered(http.StatusBadRequest), exitUsage},
	{is(artifact.ErrUnverified), exitUnverified},
	{is(artifact.ErrConflict), exitConflict},
	{is(artifact.ErrNotFound), exitNotFound},
	{answered(http.StatusUnauthorized), exitNotAuthorised},
	{is(artifact.ErrDenied), exitDenied},
	{answered(http.StatusForbidden), exitDenied},
	{answered(http.StatusConflict), exitConflict},
	{answered(http.StatusNotFound), exitNotFound},
	{answered(http.StatusTooManyRequests), exitDenied},
	{is(fs.ErrNotExist), exitNotFound}, // a file that the command line names
	{is(errUndecided), exitUndecided},
}

func exitCode(err error) int {
	for _, e := range exits {
		if e.holds(err) {
			return e.code
		}
	}
	return exitFailure
}

// decides makes cmd one whose exit code 1 is the answer no: what kept it from an
// answer, and has no code of its own, is exit code 4. asked says whether the flags
// ask for a check at all; nil is always.
func decides(cmd *cobra.Command, asked func() bool) *cobra.Command {
	run := cmd.RunE
	cmd.Long += "\nA check that could not be made is exit code 4."
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := run(cmd, args)
		if err == nil || asked != nil && !asked() || errors.Is(err, errReported) || exitCode(err) != exitFailure {
			return err
		}
		return kinded{err, errUndecided}
	}
	return cmd
}

// is holds for an error of that kind, and for a refusal whose code stands for it.
func is(kind error) func(error) bool {
	return func(err error) bool {
		if errors.Is(err, kind) {
			return true
		}
		p := answerIn(err)
		return p != nil && p.Code != "" && errors.Is(p, kind)
	}
}

// coded holds for a refusal with one of the given codes.
func coded(codes ...string) func(error) bool {
	return func(err error) bool {
		p := answerIn(err)
		return p != nil && slices.Contains(codes, p.Code)
	}
}

// answered holds for a refusal with the given status.
func answered(status int) func(error) bool {
	return func(err error) bool {
		p := answerIn(err)
		return p != nil && p.Status == status
	}
}

// answerIn is the refusal that err is or wraps, of a catalog or of a registry,
// by code and status; nil where nobody answered. A registry that is not
// oarlock's gives no code.
func answerIn(err error) *index.Problem {
	var p *index.Problem
	var pushed *remote.Error
	var signing *signature.RefusedError
	var answer *errcode.ErrorResponse
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &pushed):
		return &index.Problem{Code: pushed.Stable, Status: pushed.Status}
	case errors.As(err, &signing):
		return &index.Problem{Code: signing.Code, Status: signing.Status}
	case errors.As(err, &answer):
		p = &index.Problem{Status: answer.StatusCode}
		if len(answer.Errors) > 0 {
			p.Code = remote.StableCode(answer.Errors[0])
		}
		return p
	}
	return nil
}
