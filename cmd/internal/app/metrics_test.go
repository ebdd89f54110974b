package app

import (
	"io"
	"net"
	"strings"
	"testing"
)

// got is the status and body of a GET.
func got(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := visitor.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestMetricsOnAnAddressOfTheirOwnAreNotPublic(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Metrics = "127.0.0.1:0"
	s, stop := start(t, c)
	at := s.metrics.address()
	if status, body := got(t, "http://"+at+"/metrics"); status != 200 || !strings.Contains(body, "oarlock_catalog_") {
		t.Errorf("%d %.200s", status, body)
	}
	if status, body := got(t, s.URL()+"/metrics"); status != 404 || strings.Contains(body, "oarlock_catalog_") {
		t.Errorf("the public address: %d %.200s", status, body)
	}
	for _, path := range []string{"/", "/livez", "/v2/", "/api/v1/plugins"} {
		if status, _ := got(t, "http://"+at+path); status != 404 {
			t.Errorf("%s on the address of metrics: %d", path, status)
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", at); err == nil {
		conn.Close()
		t.Error("the server ended, and the address of its metrics is still taken")
	}
}

func TestMetricsWithoutAnAddressStayOnThePublicOne(t *testing.T) {
	t.Parallel()
	s, _ := start(t, configured(t))
	if status, body := got(t, s.URL()+"/metrics"); status != 200 || !strings.Contains(body, "oarlock_catalog_") {
		t.Errorf("%d %.200s", status, body)
	}
}

func TestAnAddressOfMetricsThatCannotBeIsNamed(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for address, want := range map[string]string{
		"9117": "metrics: \"9117\": expected an address", "127.0.0.1:http": "metrics: \"127.0.0.1:http\": expected", "127.0.0.1:70000": "metrics: \"127.0.0.1:70000\": expected",
		":9117": "loopback only, and metrics is", "127.0.0.1:7117": "is listen too", taken.Addr().String(): "metrics: listen tcp",
	} {
		c := configured(t)
		if c.Metrics = address; address == "127.0.0.1:7117" {
			c.Listen = address
		}
		if s, err := Open(t.Context(), c, options(io.Discard)); err == nil {
			s.Close()
			t.Errorf("%s is taken", address)
		} else if got := problems(t, err); !strings.Contains(got, want) {
			t.Errorf("%s: %s", address, got)
		}
	}
}
