package app

import (
	"fmt"

	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/policy/trust"
)

// trustAt reads the trust policy at path. Without one nobody is trusted.
func trustAt(path string) (*trust.Policy, error) {
	if path == "" {
		return new(trust.Policy), nil
	}
	return trust.Load(path)
}

func newJudge(path string) (*signature.Judge, error) {
	who, err := trustAt(path)
	if err != nil {
		return nil, err
	}
	judge, err := signature.New(signature.Options{Trust: who})
	if err != nil {
		return nil, fmt.Errorf("trust policy: %w", err)
	}
	return judge, nil
}
