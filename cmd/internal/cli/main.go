package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/oarlock/oarlock/cmd/internal/app"
)

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

// errTyped is the cause of one that somebody at a terminal ended by ^C.
var errTyped = fmt.Errorf("%w: %w", errInterrupted, app.ErrAtOnce)

// Main runs one command and returns its exit code. The first SIGINT or SIGTERM
// ends its context, the second one ends the process. The version is what the
// linker stamped, and may be empty.
func Main(args []string, s Streams, version string) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals) // from now on a signal does what it does by default
			cause := errInterrupted
			if s == os.Interrupt {
				cause = errTyped
			}
			cancel(cause)
		case <-ctx.Done():
		}
	}()
	return Run(ctx, args, s, version)
}

// Run is Main without the signals: the caller's context ends the command.
func Run(ctx context.Context, args []string, s Streams, version string) int {
	c := &console{Streams: s, version: version, typed: args}
	root := newRoot(c)
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	err := mistyped(root, args)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if err == nil {
		return exitOK
	}
	if errors.Is(context.Cause(ctx), errInterrupted) && errors.Is(err, context.Canceled) {
		err = errInterrupted
	}
	if !errors.Is(err, errReported) {
		c.printError(err)
	}
	return exitCode(err)
}
