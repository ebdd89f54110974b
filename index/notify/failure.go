package notify

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"

	"github.com/oarlock/oarlock/artifact"
)

// failure is why a call failed, as its owner may be told it: nothing of the network that
// this server is in. What a name leads to there, whether it leads anywhere, and by which
// address and resolver that was asked are not for who adds a webhook; one sentence is for
// all of them.
func failure(err error) error {
	var (
		unknown *net.DNSError
		op      *net.OpError
		of      *url.Error
	)
	dialed := errors.As(err, &op) && op.Op == "dial"
	timeout := errors.As(err, &of) && of.Timeout()
	switch {
	case errors.As(err, &unknown), dialed && errors.Is(err, artifact.ErrDenied):
		return errNoAddress
	case timeout && dialed:
		return errors.New("no connection in time")
	case timeout:
		return errors.New("no answer in time")
	case dialed:
		return errors.New("no connection: " + inner(op.Err))
	case op != nil: // it has both addresses of the connection
		return errors.New("the connection broke: " + inner(op.Err))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection was closed without an answer")
	case of != nil && !errors.Is(err, context.Canceled):
		return of.Err
	}
	return err
}

var errNoAddress = errors.New("its host has no address, or one that is not on the public Internet: an operator lets others be called by outbound.networks")

// inner is the innermost of what err wraps: around it there may be addresses.
func inner(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}
