package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// maxLine is the bytes of one line of an answer: the last may name all damage.
const maxLine = 16 << 20

// An answerLine is one line of an answer that comes in lines, by its keys.
type answerLine map[string]json.RawMessage

// part reads what the line has under key, whole as the API describes it.
func (l answerLine) part(key string, into any) error {
	if l[key] == nil {
		return &client.AnswerError{Detail: fmt.Sprintf("%q is missing in a line", key)}
	}
	return client.DecodeAnswer(l[key], into)
}

// answerLines reads an answer that has one JSON object per line. It ends with
// the line that has done, and under key what goes into last, or with one that
// has error. Without either what was asked for did not end. Each line before it
// is for next, also as it came.
func answerLines(ctx context.Context, resp *http.Response, what, key string, last any, next func(answerLine, []byte) error) error {
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		line, raw := answerLine{}, lines.Bytes()
		if err := client.DecodeAnswer(raw, &line); err != nil {
			return fmt.Errorf("%s: %w", resp.Request.URL.Host, err)
		}
		if line["error"] != nil {
			var p index.Problem
			if err := line.part("error", &p); err != nil {
				return fmt.Errorf("%s: %w", resp.Request.URL.Host, err)
			}
			return &p
		}
		var done bool
		if line["done"] != nil {
			if err := line.part("done", &done); err != nil {
				return fmt.Errorf("%s: %w", resp.Request.URL.Host, err)
			}
		}
		var err error
		if done {
			err = line.part(key, last)
		} else {
			err = next(line, raw)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", resp.Request.URL.Host, err)
		}
		if done {
			return nil
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(errors.New("the answer ended before the "+what+" did"), lines.Err(), io.ErrUnexpectedEOF)
}
