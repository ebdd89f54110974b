package index

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

// The codes of problems. They are stable: clients turn them back into kinds.
const (
	CodeInvalid            = "invalid"
	CodeInvalidHostVersion = "invalid_host_version"
	CodeNotFound           = "not_found"
	CodeVersionNotFound    = "version_not_found"
	CodeAccountNotFound    = "account_not_found"
	CodeGenerationGone     = "generation_gone"
	CodeSortUnavailable    = "sort_unavailable"
	CodeInvalidParameter   = "invalid_parameter"
	CodeInvalidCursor      = "invalid_cursor"
	CodeConflict           = "conflict"
	// CodeVersionNotListed is a version that no channel may point to, because it
	// waits for something, is yanked, or is withheld from readers.
	CodeVersionNotListed = "version_not_listed"
	// CodeLifecycle is a move that the plugin's state or the caller's role does
	// not allow; legal[] names those that are.
	CodeLifecycle = "lifecycle_forbidden"
	// CodeSecondPerson is a word for an emergency that does not count beside those
	// that were given: it takes another person.
	CodeSecondPerson = "second_person_needed"
	// CodeStillEnabled is a plugin that is not deleted while somebody has it.
	CodeStillEnabled = "still_enabled"
	// CodePluginDeleted is a plugin of which the name and the history are left.
	CodePluginDeleted = "plugin_deleted"
	CodeUnsatisfiable = "unsatisfiable"
	CodeUnverified    = "unverified"
	CodeDenied        = "denied"
	CodeUnauthorized  = "unauthorized"
	CodeNotAuthorised = "not_authorised"
	// CodeVersionTaken is a push of other content under a version that is there.
	CodeVersionTaken = "version_taken"
	// CodeNamespaceUnclaimed is a namespace that nobody owns: no role lets
	// anybody in before it is claimed.
	CodeNamespaceUnclaimed = "namespace_unclaimed"
	// CodeNamespaceClosed and CodePublishingOff are refused whatever role asks.
	CodeNamespaceClosed    = "namespace_closed"
	CodePublishingOff      = "publishing_off"
	CodeNamespaceTaken     = "namespace_taken"
	CodeNamespaceResembles = "namespace_resembles"
	CodeNamespaceHeld      = "namespace_held"
	// CodeQuota is 403 of what is stored, and 409 of what a tenant has: NewExceeded.
	CodeQuota = "quota_exceeded"
	// What keeps a tenant from a plugin.
	CodeLicenseDenied    = "license_denied"
	CodeTierTooLow       = "tier_too_low"
	CodeTierUnknown      = "tier_unknown"
	CodeNicheMismatch    = "niche_mismatch"
	CodeHostIncompatible = "host_incompatible"
	CodeLifecycleBlocked = "lifecycle_blocked"
	// What is wrong with a licence or a list of revocations.
	CodeLicenseMalformed  = "license_malformed"
	CodeLicenseUnverified = "license_unverified"
	CodeLicenseElsewhere  = "license_elsewhere" // for another site or tenant
	CodeRevocationsStale  = "revocations_stale" // a newer list was seen
	CodeNoTrial           = "no_trial"          // none is offered, or the tenant had it
	// CodeConfigInvalid is a configuration that the plugin's schema does not take;
	// CodeConfigBlocked a version whose schema does not take the one that is there;
	// CodeConfigUndecided one of which that could not be told.
	CodeConfigInvalid   = "config_invalid"
	CodeConfigBlocked   = "config_blocked"
	CodeConfigUndecided = "config_undecided"
	CodeTooManyRequests = "too_many_requests"
	CodeStorage         = "storage_full"
	// CodeLogBehind is a publication log that has less, or other things, than what
	// was shown before: nothing is published until an admin has looked at it.
	CodeLogBehind = "log_behind"
	// CodeCatalogReplaced is a part of a signed catalog that was replaced, and that
	// is not given any more because of what it names.
	CodeCatalogReplaced = "catalog_replaced"
	CodeUnavailable     = "unavailable"
	CodeInternal        = "internal"
	// CodeNothingCompatible is a plugin of which no version fits the question.
	CodeNothingCompatible = "nothing_compatible"
)

type meaning struct {
	status int
	kind   error // nil means "could not tell"
	title  string
}

// meanings is the one table between codes, HTTP statuses and kinds of error.
var meanings = map[string]meaning{
	CodeInvalid:            {http.StatusBadRequest, artifact.ErrInvalid, "The request is not valid"},
	CodeInvalidHostVersion: {http.StatusBadRequest, artifact.ErrInvalid, "The host version is not a version"},
	CodeNotFound:           {http.StatusNotFound, artifact.ErrNotFound, "Not found"},
	CodeVersionNotFound:    {http.StatusNotFound, artifact.ErrNotFound, "The plugin has no such version"},
	CodeAccountNotFound:    {http.StatusNotFound, artifact.ErrNotFound, "There is no such account"},
	CodeGenerationGone:     {http.StatusGone, artifact.ErrNotFound, "The generation is no longer kept"},
	CodeInvalidParameter:   {http.StatusBadRequest, artifact.ErrInvalid, "A parameter is not valid"},
	CodeInvalidCursor:      {http.StatusBadRequest, artifact.ErrInvalid, "The cursor is not valid"},
	CodeSortUnavailable:    {http.StatusBadRequest, artifact.ErrInvalid, "Nothing is counted that this order goes by"},
	CodeConflict:           {http.StatusConflict, artifact.ErrConflict, "It clashes with what is there"},
	CodeVersionNotListed:   {http.StatusConflict, artifact.ErrConflict, "The version is not listed"},
	CodeLifecycle:          {http.StatusConflict, artifact.ErrConflict, "The state of the plugin does not allow that"},
	CodeSecondPerson:       {http.StatusConflict, artifact.ErrConflict, "It takes another person"},
	CodeStillEnabled:       {http.StatusConflict, artifact.ErrConflict, "Somebody has the plugin"},
	CodePluginDeleted:      {http.StatusGone, artifact.ErrNotFound, "The plugin was deleted"},
	CodeUnsatisfiable:      {http.StatusConflict, artifact.ErrConflict, "No set of versions satisfies the request"},
	CodeUnverified:         {http.StatusUnprocessableEntity, artifact.ErrUnverified, "A signature or digest does not hold"},
	CodeDenied:             {http.StatusForbidden, artifact.ErrDenied, "Denied"},
	CodeUnauthorized:       {http.StatusUnauthorized, artifact.ErrDenied, "Not logged in"},
	CodeNotAuthorised:      {http.StatusForbidden, artifact.ErrDenied, "Not authorised"},
	CodeVersionTaken:       {http.StatusConflict, artifact.ErrConflict, "The version is taken"},
	CodeNamespaceUnclaimed: {http.StatusForbidden, artifact.ErrDenied, "Nobody owns the namespace"},
	CodeNamespaceClosed:    {http.StatusForbidden, artifact.ErrDenied, "The namespace is closed"},
	CodePublishingOff:      {http.StatusForbidden, artifact.ErrDenied, "Publishing is switched off"},
	CodeNamespaceTaken:     {http.StatusConflict, artifact.ErrConflict, "The namespace is taken or reserved"},
	CodeNamespaceResembles: {http.StatusConflict, artifact.ErrConflict, "The namespace looks like another"},
	CodeNamespaceHeld:      {http.StatusConflict, artifact.ErrConflict, "Nobody owns the namespace, and it is not free"},
	CodeQuota:              {http.StatusForbidden, artifact.ErrDenied, "A quota is used up"},
	CodeLicenseDenied:      {http.StatusForbidden, artifact.ErrDenied, "The tenant has no licence for it that counts"},
	CodeLicenseMalformed:   {http.StatusBadRequest, artifact.ErrInvalid, "The licence cannot be read"},
	CodeLicenseUnverified:  {http.StatusUnprocessableEntity, artifact.ErrUnverified, "The licence is signed by nobody whom this site trusts"},
	CodeLicenseElsewhere:   {http.StatusConflict, artifact.ErrConflict, "The licence is for somebody else"},
	CodeRevocationsStale:   {http.StatusConflict, artifact.ErrConflict, "A newer list of revocations was seen"},
	CodeNoTrial:            {http.StatusConflict, artifact.ErrConflict, "There is no trial"},
	CodeTierTooLow:         {http.StatusForbidden, artifact.ErrDenied, "The tenant's tier is too low"},
	CodeTierUnknown:        {http.StatusConflict, nil, "Whether the tenant's tier is enough could not be told"},
	CodeNicheMismatch:      {http.StatusConflict, artifact.ErrConflict, "The plugin is for other niches"},
	CodeHostIncompatible:   {http.StatusConflict, artifact.ErrConflict, "No host of the tenant runs it"},
	CodeLifecycleBlocked:   {http.StatusConflict, artifact.ErrConflict, "The state of the plugin does not allow that"},
	CodeConfigInvalid:      {http.StatusBadRequest, artifact.ErrInvalid, "The plugin does not take this configuration"},
	CodeConfigBlocked:      {http.StatusConflict, artifact.ErrConflict, "The version does not take the configuration that is there"},
	CodeConfigUndecided:    {http.StatusConflict, nil, "Whether the plugin takes the configuration could not be told"},
	CodeTooManyRequests:    {http.StatusTooManyRequests, artifact.ErrDenied, "Too many requests"},
	CodeStorage:            {http.StatusInsufficientStorage, artifact.ErrStorage, "The storage takes nothing"},
	CodeLogBehind:          {http.StatusServiceUnavailable, nil, "The publication log is behind"},
	CodeCatalogReplaced:    {http.StatusNotFound, artifact.ErrNotFound, "The signed catalog was replaced"},
	CodeUnavailable:        {http.StatusServiceUnavailable, nil, "Not ready"},
	CodeInternal:           {http.StatusInternalServerError, nil, "Internal error"},
}

// NewProblem makes a problem of one of the codes above; any other code is
// CodeInternal. The detail of CodeInternal reaches the reader: keep it free of
// what only the log may hold.
func NewProblem(code, detail string, fixes ...string) *Problem {
	m, ok := meanings[code]
	if !ok {
		code, m = CodeInternal, meanings[CodeInternal]
	}
	return &Problem{Type: "about:blank", Title: m.title, Status: m.status, Detail: detail, Code: code, Fixes: fixes}
}

// NewExceeded is a quota of a tenant that what was asked would exceed.
func NewExceeded(what string, limit, used, asked int64) *Problem {
	p := NewProblem(CodeQuota, fmt.Sprintf("%s: the tenant may have %d, has %d, and asked for %d more", what, limit, used, asked),
		"remove what is not needed any more, or ask an admin of the site for more: oarlock tenant quota TENANT --"+what+" N")
	p.Status, p.Exceeded = http.StatusConflict, &Exceeded{Quota: what, Limit: limit, Used: used, Asked: asked}
	return p
}

// ProblemOf says err as a problem: one that err already is or wraps, else the
// general one of its kind. An error of no kind becomes CodeInternal without
// its text, which belongs in the log.
func ProblemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	if full := artifact.StorageErrorOf(err); full != nil {
		return NewProblem(CodeStorage, "nothing was stored: the server's storage is "+full.Reason, "ask the operator to make room or to make it writable, then try again")
	}
	for _, code := range []string{CodeInvalid, CodeNotFound, CodeConflict, CodeDenied, CodeUnverified} {
		if errors.Is(err, meanings[code].kind) {
			return NewProblem(code, bounded(err.Error()))
		}
	}
	return NewProblem(CodeInternal, "internal error")
}

// maxDetail is the bytes that a problem says at most: what is wrong with a
// request, and how much of it, is chosen by who sends it.
const maxDetail = 64 << 10

// bounded is text of at most maxDetail bytes.
func bounded(text string) string {
	if len(text) <= maxDetail {
		return text
	}
	return strings.ToValidUTF8(text[:maxDetail], "") + "…"
}

// Error is the detail, or the explanation of an unsatisfiable resolve.
func (p *Problem) Error() string {
	switch {
	case p.Explanation != "":
		return p.Code + ": " + p.Explanation
	case p.Detail != "":
		return p.Code + ": " + p.Detail
	case p.Title != "":
		return p.Code + ": " + p.Title
	}
	return p.Code
}

// Unwrap is the kind that the code stands for, so that errors.Is works across
// the wire. A code that is not known here is placed by its HTTP status; nil
// means "could not tell".
func (p *Problem) Unwrap() error {
	if m, ok := meanings[p.Code]; ok {
		return m.kind
	}
	switch p.Status {
	case http.StatusBadRequest:
		return artifact.ErrInvalid
	case http.StatusNotFound, http.StatusGone:
		return artifact.ErrNotFound
	case http.StatusConflict:
		return artifact.ErrConflict
	case http.StatusUnauthorized, http.StatusForbidden:
		return artifact.ErrDenied
	case http.StatusUnprocessableEntity:
		return artifact.ErrUnverified
	case http.StatusInsufficientStorage:
		return artifact.ErrStorage
	}
	return nil
}
