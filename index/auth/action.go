package auth

// An Action is what somebody wants to do to a Resource.
type Action string

// The actions on a repository.
const (
	RepositoryPull   Action = "repository:pull"
	RepositoryPush   Action = "repository:push"   // bytes by digest: children, signatures, attestations
	RepositoryDelete Action = "repository:delete" // what the gate lets go at all
	PluginPublish    Action = "plugin:publish"    // a new version tag
	ChannelPromote   Action = "channel:promote"
	PluginLifecycle  Action = "plugin:lifecycle" // deprecate, suspend, resume, remove, restore, yank
	PluginDelete     Action = "plugin:delete"    // for good; what somebody has is not deleted
	PluginEmergency  Action = "plugin:emergency" // pulled from everywhere; a second admin approves
)

// The actions on a namespace.
const (
	NamespaceClaim    Action = "namespace:claim"
	NamespaceManage   Action = "namespace:manage" // its settings: visibility, publishing
	NamespaceTransfer Action = "namespace:transfer"
	NamespaceClose    Action = "namespace:close"
	MembersRead       Action = "members:read"
	MembersManage     Action = "members:manage"
	KeysManage        Action = "keys:manage"
	TokensManage      Action = "tokens:manage"
	QuotaRead         Action = "quota:read"
	QuotaSet          Action = "quota:set"
	AuditRead         Action = "audit:read" // on the site: all of it
)

// The actions on the site.
const (
	CatalogList    Action = "registry:catalog" // the names of all repositories
	SiteManage     Action = "site:manage"      // site switches, site roles, reserved names
	AccountsManage Action = "accounts:manage"
	PersonalTokens Action = "tokens:personal" // one's own
	// PersonalNotifications are one's own webhooks and subscriptions.
	PersonalNotifications Action = "notifications:personal"
	RegistryGC            Action = "registry:gc"
	RegistryFsck          Action = "registry:fsck"
	CatalogRebuild        Action = "catalog:rebuild"
	PolicyRead            Action = "policy:read" // whom the site trusts
	PolicyTest            Action = "policy:test" // what another policy would change
	SiteBackup            Action = "site:backup"
	SiteRestore           Action = "site:restore"
	ReviewRead            Action = "review:read"
	ReviewDecide          Action = "review:decide"
	ReviewAssign          Action = "review:assign"
	PublisherVerify       Action = "publisher:verify"
	TenantsRead           Action = "tenants:read"   // all of them
	TenantsManage         Action = "tenants:manage" // make one, and set what a tenant does not set itself
)

// The actions on a tenant.
const (
	TenantRead   Action = "tenant:read"
	TenantManage Action = "tenant:manage" // its plugins, hosts and members
	HostFollow   Action = "host:follow"   // what one of its hosts is to run, and with which configuration
	HostReport   Action = "host:report"   // what one of its hosts runs
)

// A Class is what sort of thing a Resource is.
type Class string

// The classes.
const (
	OnSite       Class = "site"
	OnNamespace  Class = "namespace"
	OnRepository Class = "repository"
	OnTenant     Class = "tenant"
)

// A Fact is the answer to a question about a resource. The zero Fact is
// Unknown, and a decision that needs an unknown fact could not tell.
type Fact uint8

// The answers.
const (
	Unknown Fact = iota
	Yes
	No
)

// FactOf is Yes or No.
func FactOf(yes bool) Fact {
	if yes {
		return Yes
	}
	return No
}

func (f Fact) String() string {
	switch f {
	case Yes:
		return "yes"
	case No:
		return "no"
	default:
		return "unknown"
	}
}

// A Resource is what an action is done to, with the facts that the decision
// needs. Site, InNamespace, InRepository, InTenant and InHost make one.
type Resource struct {
	Class      Class
	Namespace  string
	Repository string
	Tenant     string
	// Host is that of the tenant; "" is the tenant as a whole.
	Host string
	// Given: the repository is of a plugin that the host who asks is given. It is
	// a fact about hosts alone.
	Given Fact
	// Claimed: the namespace has an owner.
	Claimed Fact
	// Closed: the namespace was closed by its owner.
	Closed Fact
	// Public: the namespace lets everybody pull.
	Public Fact
	// Publishing: the switches of the site and of the namespace let new
	// versions in.
	Publishing Fact
	// LoginToPull: at this site nobody pulls without a login, what is public
	// included.
	LoginToPull bool
}

// Site is the registry as a whole.
func Site() Resource { return Resource{Class: OnSite} }

// InNamespace is a namespace of which nothing is known yet.
func InNamespace(name string) Resource { return Resource{Class: OnNamespace, Namespace: name} }

// InRepository is a repository; what stands before its first slash is the namespace.
func InRepository(name string) Resource {
	return Resource{Class: OnRepository, Namespace: namespaceOf(name), Repository: name}
}

// InTenant is a tenant, whether or not it exists.
func InTenant(id string) Resource { return Resource{Class: OnTenant, Tenant: id} }

// InHost is a host of a tenant, whether or not it exists. Its name in the audit log
// is that of the tenant.
func InHost(tenant, host string) Resource {
	return Resource{Class: OnTenant, Tenant: tenant, Host: host}
}

func (r Resource) String() string {
	switch r.Class {
	case OnTenant:
		return "tenant " + r.Tenant
	case OnRepository:
		return "repository " + r.Repository
	case OnNamespace:
		return "namespace " + r.Namespace
	default:
		return string(r.Class)
	}
}
