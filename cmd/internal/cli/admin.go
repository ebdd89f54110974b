package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// admin calls what the catalog client does not: the calls of operators. The
// caller closes the answer's body.
func (c *console) admin(ctx context.Context, method, path string, body any) (*http.Response, error) {
	return c.request(ctx, method, "/api/v1"+path, body)
}

// request is admin for any path of the server.
func (c *console) request(ctx context.Context, method, path string, body any) (*http.Response, error) {
	cl, err := client.New(c.serverAt(ctx), client.Options{PlainHTTP: c.plainHTTP})
	if err != nil {
		return nil, argument(err)
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	scheme, _, _ := strings.Cut(c.serverAt(ctx), "://")
	r, err := http.NewRequestWithContext(ctx, method, scheme+"://"+cl.Host()+path, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", c.userAgent())
	token, err := c.token(ctx, cl.Host())
	if err != nil {
		return nil, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < http.StatusMultipleChoices {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, adminProblem(resp)
}

func adminProblem(resp *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	var p index.Problem
	if json.Unmarshal(raw, &p) != nil || p.Code == "" {
		return fmt.Errorf("%s: %s, not an answer of a catalog", resp.Request.URL.Host, resp.Status)
	}
	return &p
}

// call is admin for an answer that is one JSON value, whole as the API describes
// it: T is a struct of package index, or one that embeds nothing else. What it did is
// written into the journal of this machine.
func call[T any](ctx context.Context, c *console, method, path string, body any) (T, error) {
	var out T
	resp, err := c.admin(ctx, method, path, body)
	if err != nil {
		return out, err
	}
	if _, nothing := any(out).(struct{}); !nothing || resp.StatusCode != http.StatusNoContent {
		err = decodeAnswer(resp, &out)
	}
	if did, is := actOf(method, path, body, any(out)); is && err == nil {
		did.At, did.Server = time.Now().UTC(), resp.Request.URL.Host
		c.journal(ctx, did)
	}
	return out, errors.Join(err, resp.Body.Close())
}

// maxCalled is the bytes of an answer that is one JSON value.
const maxCalled = 64 << 20

// decodeAnswer reads the whole body of a success into out.
func decodeAnswer(resp *http.Response, out any) error {
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxCalled+1))
	switch {
	case err == nil && len(raw) > maxCalled:
		err = &client.AnswerError{Detail: fmt.Sprintf("more than %d bytes", maxCalled)}
	case err == nil:
		err = client.DecodeAnswer(raw, out)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", resp.Request.URL.Host, err)
	}
	return nil
}
