package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// waited gives what read gives, or the error of ctx as soon as that ends: a read
// of a terminal or a pipe cannot be called off, so it goes on in the background
// until the process ends.
func waited[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := read()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// stdin is the input of this invocation; a read of it ends with ctx. A person
// who is at a terminal is told what is waited for.
func (c *console) stdin(ctx context.Context, what string) io.Reader {
	if c.person() != nil {
		fmt.Fprintf(c.Err, "reading %s from the terminal, until ^D\n", what)
	}
	return input{ctx, c.In}
}

type input struct {
	ctx context.Context
	in  io.Reader
}

func (i input) Read(p []byte) (int, error) {
	own := make([]byte, len(p)) // a read that is left behind must not write to p
	n, err := waited(i.ctx, func() (int, error) { return i.in.Read(own) })
	return copy(p, own[:n]), err
}

// person is the terminal to ask at, nil where there is none.
func (c *console) person() *os.File {
	if in, ok := c.In.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		return in
	}
	return nil
}

// askLine asks a person and gives the line that was typed.
func (c *console) askLine(ctx context.Context, prompt string) (string, error) {
	fmt.Fprint(c.Err, prompt)
	answer, err := bufio.NewReader(input{ctx, c.In}).ReadString('\n')
	if err != nil {
		fmt.Fprintln(c.Err)
	}
	return answer, err
}

// askSecret asks a person for what is not to be shown. The terminal is as it was
// when it returns, interrupted or not.
func (c *console) askSecret(ctx context.Context, prompt string) ([]byte, error) {
	in := c.person()
	if in == nil {
		return nil, errors.New("no terminal to ask at")
	}
	before, err := term.GetState(int(in.Fd()))
	if err != nil {
		return nil, err
	}
	fmt.Fprint(c.Err, prompt)
	secret, err := waited(ctx, func() ([]byte, error) { return term.ReadPassword(int(in.Fd())) })
	fmt.Fprintln(c.Err)
	if ctx.Err() != nil {
		err = errors.Join(ctx.Err(), term.Restore(int(in.Fd()), before))
	}
	return secret, err
}
