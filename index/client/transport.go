package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

const (
	apiPath   = "/api/v1"
	maxAnswer = 64 << 20 // bytes of one answer
)

func get[T any](ctx context.Context, c *Client, path string, query url.Values) (*T, error) {
	u := c.url(path, query)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, err
	}
	known, have := c.answers.get(u)
	if have {
		req.Header.Set("If-None-Match", known.etag)
	}
	resp, body, err := c.send(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusNotModified && have {
		return decode[T](u, known.body)
	}
	if err := problem(resp, body); err != nil {
		return nil, err
	}
	answer, err := decode[T](u, body)
	if etag := resp.Header.Get("ETag"); err == nil && etag != "" {
		c.answers.put(u, etag, body)
	}
	return answer, err
}

func post[T any](ctx context.Context, c *Client, path string, in any) (*T, error) {
	raw, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	u := c.url(path, nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, body, err := c.send(req)
	if err != nil {
		return nil, err
	}
	if err := problem(resp, body); err != nil {
		return nil, err
	}
	return decode[T](u, body)
}

// url joins path, whose segments are escaped already.
func (c *Client) url(path string, query url.Values) string {
	u := c.base.Scheme + "://" + c.base.Host + c.base.EscapedPath() + apiPath + path
	if q := query.Encode(); q != "" {
		u += "?" + q
	}
	return u
}

func (c *Client) send(req *http.Request) (*http.Response, []byte, error) {
	req.Header.Set("Accept", "application/json, application/problem+json")
	if c.options.UserAgent != "" {
		req.Header.Set("User-Agent", c.options.UserAgent)
	}
	token, err := c.token(req.Context())
	if err != nil {
		return nil, nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.options.HTTPClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("%s %s: answer: %w", req.Method, req.URL.Redacted(), err)
	case len(body) > maxAnswer:
		return nil, nil, fmt.Errorf("%s %s: answer: more than %d bytes", req.Method, req.URL.Redacted(), maxAnswer)
	}
	return resp, body, nil
}

// problem is the error that resp stands for, nil for a success.
func problem(resp *http.Response, body []byte) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	var p index.Problem
	if kind == "application/problem+json" && json.Unmarshal(body, &p) == nil && (p.Code != "" || p.Title != "" || p.Detail != "") {
		p.Status = resp.StatusCode
		return fmt.Errorf("%s: %w", resp.Request.URL.Host, &p)
	}
	// Something between us and the catalog answered, or no catalog at all.
	excerpt := strings.TrimSpace(string(body[:min(len(body), 200)]))
	return fmt.Errorf("%s %s: %s, not an answer of a catalog: %q", resp.Request.Method, resp.Request.URL.Redacted(), resp.Status, excerpt)
}

func decode[T any](u string, body []byte) (*T, error) {
	answer := new(T)
	if err := DecodeAnswer(body, answer); err != nil {
		return nil, fmt.Errorf("%s: %w", u, err)
	}
	return answer, nil
}

// DecodeAnswer reads one JSON answer of the API into answer, a pointer to a
// struct of package index. What such an answer must have is in openapi.json: one
// that lacks it, has it as null, in another type or twice, is refused, so that a
// zero value is one that the server said. What answer does not know is left out.
// Errors are an *AnswerError.
func DecodeAnswer(body []byte, answer any) error {
	if err := artifact.UnmarshalComplete(body, answer); err != nil {
		return &AnswerError{answerDetail(body, err)}
	}
	return nil
}

// An AnswerError says what is wrong with an answer that is not as the API
// describes it. It wraps no kind: what was asked could not be told.
type AnswerError struct{ Detail string }

func (e *AnswerError) Error() string { return "answer: " + e.Detail }

func answerDetail(body []byte, err error) string {
	var problems *artifact.ProblemsError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &problems):
		return strings.TrimPrefix(fmt.Sprintf("%s: %s", problems.Problems[0].Place, problems.Problems[0].Detail), "/: ")
	case len(bytes.TrimSpace(body)) == 0:
		return "it is empty, expected JSON"
	case errors.As(err, &syntax):
		return fmt.Sprintf("it is no JSON: %s: %q", err, body[:min(len(body), 200)])
	}
	return err.Error()
}
