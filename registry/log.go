package registry

import (
	"context"
	"io"
	"log/slog"
	"sync"

	"github.com/sirupsen/logrus"
)

// bridgeLogs sends what distribution logs, warnings and worse, to
// slog.Default; what it says about single requests is for debugging. Its logger belongs to the process, so this happens once.
var bridgeLogs = sync.OnceFunc(func() {
	l := logrus.StandardLogger()
	l.SetOutput(io.Discard)
	l.SetLevel(logrus.WarnLevel)
	l.AddHook(slogHook{})
})

type slogHook struct{}

func (slogHook) Levels() []logrus.Level { return logrus.AllLevels }

// Fire hands one entry over, with its fields.
func (slogHook) Fire(e *logrus.Entry) error {
	ctx := e.Context
	if ctx == nil {
		ctx = context.Background()
	}
	level := slog.LevelError
	switch e.Level {
	case logrus.WarnLevel:
		level = slog.LevelWarn
	case logrus.InfoLevel:
		level = slog.LevelInfo
	case logrus.DebugLevel, logrus.TraceLevel:
		level = slog.LevelDebug
	}
	if _, ok := e.Data["http.request.id"]; ok {
		level = slog.LevelDebug // the gate answers and logs what went wrong in a request
	}
	attrs := make([]slog.Attr, 0, len(e.Data)+1)
	attrs = append(attrs, slog.String("part", "distribution"))
	for k, v := range e.Data {
		attrs = append(attrs, slog.Any(k, v))
	}
	slog.Default().LogAttrs(ctx, level, e.Message, attrs...)
	return nil
}
