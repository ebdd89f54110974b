package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/registry/remote"
)

// The exit codes. They are part of the contract.
const (
	exitOK            = 0
	exitFailure       = 1
	exitUsage         = 2
	exitPartial       = 3
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

// argument marks err as the caller's: what he typed cannot be understood.
func argument(err error) error {
	if err == nil {
		return nil
	}
	return kinded{err, errUsage}
}

// exits is the one table from errors to exit codes; the first that holds wins.
var exits = []struct {
	holds func(error) bool
	code  int
}{
	{is(errInterrupted), exitInterrupted},
	{is(context.Canceled), exitInterrupted},
	{is(errUsage), exitUsage},
	{is(errPartial), exitPartial},
	{is(config.ErrUnusable), exitUsage},
	{coded(index.CodeUnauthorized), exitNotAuthorised},
	{coded(index.CodeNotAuthorised), exitNotAuthorised},
	{coded(index.CodeUnsatisfiable), exitIncompatible},
	{coded(index.CodeNothingCompatible), exitIncompatible},
	{refused(http.StatusBadRequest), exitUsage},
	{is(artifact.ErrUnverified), exitUnverified},
	{is(artifact.ErrConflict), exitConflict},
	{is(artifact.ErrNotFound), exitNotFound},
	{answered(http.StatusUnauthorized), exitNotAuthorised},
	{is(artifact.ErrDenied), exitDenied},
	{answered(http.StatusForbidden), exitDenied},
	{answered(http.StatusConflict), exitConflict},
	{answered(http.StatusNotFound), exitNotFound},
	{answered(http.StatusBadRequest), exitUsage},
	{answered(http.StatusTooManyRequests), exitDenied},
}

func exitCode(err error) int {
	for _, e := range exits {
		if e.holds(err) {
			return e.code
		}
	}
	return exitFailure
}

func is(kind error) func(error) bool {
	return func(err error) bool { return errors.Is(err, kind) }
}

// coded holds for an answer of a catalog with the given code.
func coded(code string) func(error) bool {
	return func(err error) bool {
		var p *index.Problem
		return errors.As(err, &p) && p.Code == code
	}
}

// refused holds for an answer of a catalog with the given status.
func refused(status int) func(error) bool {
	return func(err error) bool {
		var p *index.Problem
		return errors.As(err, &p) && p.Status == status
	}
}

// answered holds for an answer of a registry with the given status.
func answered(status int) func(error) bool {
	return func(err error) bool {
		var answer *errcode.ErrorResponse
		var pushed *remote.Error
		return errors.As(err, &answer) && answer.StatusCode == status || errors.As(err, &pushed) && pushed.Status == status
	}
}
