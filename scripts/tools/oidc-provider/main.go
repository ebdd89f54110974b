// Command oidc-provider is a real OpenID provider for tests: authorization
// code with PKCE, device flow, userinfo, and a groups claim. It listens on
// loopback, prints its issuer on one line, and ends when its input ends.
//
//	oidc-provider --redirect http://127.0.0.1:7117/auth/callback
//
// One client, "oarlock" with secret "secret". People log in with their name
// and the password "password": ada is in group registry-reviewers; bob, whose
// e-mail address is not verified, and eve are in none.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

func main() {
	redirect := flag.String("redirect", "", "redirect URI of the client")
	flag.Parse()
	if err := run(*redirect); err != nil {
		fmt.Fprintln(os.Stderr, "oidc-provider:", err)
		os.Exit(1)
	}
}

func run(redirect string) error {
	if redirect == "" {
		return fmt.Errorf("--redirect is missing")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	issuer := "http://" + l.Addr().String()
	client := storage.WebClient("oarlock", "secret", redirect)
	store := &people{storage.NewStorageWithClients(users{}, map[string]*storage.Client{"oarlock": client})}
	handler := exampleop.SetupServer(issuer, store, slog.New(slog.NewTextHandler(io.Discard, nil)), false)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Shutdown(context.Background())
	}()
	fmt.Println(issuer)
	if err := server.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// users are who may log in, and their groups.
type users struct{}

var groups = map[string][]string{"ada": {"staff", "registry-reviewers"}, "bob": {"staff"}, "eve": {"staff"}}

func (users) GetUserByID(id string) *storage.User {
	if _, ok := groups[id]; !ok {
		return nil
	}
	return &storage.User{
		ID: id, Username: id, Password: "password", FirstName: id, LastName: "Example",
		Email: id + "@example.org", EmailVerified: id != "bob",
	}
}

func (u users) GetUserByUsername(name string) *storage.User { return u.GetUserByID(name) }

func (users) ExampleClientID() string { return storage.ServiceUserID }

// people is the library's storage in memory, with groups in the userinfo and
// the device flow for the one client.
type people struct{ *storage.Storage }

func (p *people) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, token, subject, origin string) error {
	if err := p.Storage.SetUserinfoFromToken(ctx, info, token, subject, origin); err != nil {
		return err
	}
	info.AppendClaims("groups", groups[subject])
	return nil
}

func (p *people) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := p.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return device{c}, nil
}

// device adds the device flow to a client, and the e-mail address to its ID
// tokens: a certificate authority sees no other.
type device struct{ op.Client }

func (d device) IDTokenUserinfoClaimsAssertion() bool { return true }

func (d device) GrantTypes() []oidc.GrantType {
	return append(slices.Clone(d.Client.GrantTypes()), oidc.GrantTypeDeviceCode)
}
