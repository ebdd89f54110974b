package config

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// parseS3 reads s3://bucket/prefix with the parameters
//
//	region             us-east-1 by default
//	endpoint           http://host:port or https://host; Amazon's by default
//	path_style         the bucket in the path; true where an endpoint is given
//	redirect           larger blobs are read from the bucket, by signed URLs
//	redirect_for       for how long such a URL is good; 5m by default
//	redirect_endpoint  under which clients reach the bucket, where it is another
func parseS3(u *url.URL) (Place, error) {
	if u.Host == "" {
		return Place{}, fmt.Errorf("%q: the bucket is missing, expected s3://bucket/prefix", u.Redacted())
	}
	if u.User != nil {
		return Place{}, fmt.Errorf("%q: credentials do not belong in the URL, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", u.Redacted())
	}
	q := u.Query()
	s := Place{Driver: "s3", RedirectFor: redirectFor, Parameters: map[string]any{
		"bucket": u.Host, "region": "us-east-1", "v4auth": true, "forcepathstyle": q.Has("endpoint"), "redirectfor": redirectFor,
	}}
	if prefix := strings.Trim(u.Path, "/"); prefix != "" {
		s.Parameters["rootdirectory"] = "/" + prefix
	}
	for key, values := range q {
		if err := s.setS3(key, values[0]); err != nil {
			return Place{}, err
		}
	}
	return s, nil
}

func (s *Place) setS3(key, value string) (err error) {
	switch key {
	case "region":
		s.Parameters["region"] = value
	case "endpoint":
		e, err := parseEndpoint(key, value)
		if err != nil {
			return err
		}
		s.Parameters["regionendpoint"], s.Parameters["secure"] = value, e.Scheme == "https"
	case "redirect_endpoint":
		if _, err := parseEndpoint(key, value); err != nil {
			return err
		}
		s.Parameters["redirectendpoint"] = value
	case "path_style":
		s.Parameters["forcepathstyle"], err = parseSwitch(key, value)
	case "redirect":
		s.Redirect, err = parseSwitch(key, value)
	case "redirect_for":
		s.RedirectFor, err = parseRedirectFor(key, value)
		s.Parameters["redirectfor"] = s.RedirectFor
	default:
		return fmt.Errorf("parameter %q: expected region, endpoint, path_style, redirect, redirect_for or redirect_endpoint", key)
	}
	return err
}

// How long a signed URL is good, and the bounds of that: a download begins within
// seconds, clocks may differ by minutes, and a bucket refuses what is signed for more than
// seven days.
const (
	redirectFor   = 5 * time.Minute
	leastRedirect = 10 * time.Second
	mostRedirect  = 7 * 24 * time.Hour
)

func parseRedirectFor(key, value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d < leastRedirect || d > mostRedirect || d != d.Truncate(time.Second) {
		return 0, fmt.Errorf("%s %.40q: expected whole seconds from 10s to 168h, such as 2m", key, value)
	}
	return d, nil
}

func parseEndpoint(key, value string) (*url.URL, error) {
	e, err := url.Parse(value)
	switch {
	case err == nil && e.User != nil:
		return nil, fmt.Errorf("%s %q: credentials do not belong in the URL, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", key, e.Redacted())
	case err != nil || e.Host == "" || (e.Scheme != "http" && e.Scheme != "https") || strings.Trim(e.Path, "/") != "" || e.RawQuery != "":
		return nil, fmt.Errorf("%s %q: expected http://host:port or https://host", key, value)
	}
	return e, nil
}

func parseSwitch(key, value string) (bool, error) {
	on, err := strconv.ParseBool(value)
	if err != nil {
		return false, fmt.Errorf("%s %q: expected true or false", key, value)
	}
	return on, nil
}
