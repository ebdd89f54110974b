package auth

import (
	"slices"
	"strings"
)

// A roleRow is a role that there is: what it is held on, and what it may do.
// Another role is another row; nothing else changes. Rows come in the order in
// which refusals and documents name the roles, the mightiest of a namespace first.
type roleRow struct {
	role Role
	// held is the class that the role is given on: OnSite, OnNamespace, OnTenant, or ""
	// where it is not given but follows from the kind of the principal.
	held Class
	// may are the actions by the class of what they are done to.
	may map[Class][]Action
}

// roleRows say who may do what. What is not in them is denied to all.
var roleRows = []roleRow{
	{RoleOwner, OnNamespace, map[Class][]Action{
		OnRepository: {RepositoryPull, RepositoryPush, RepositoryDelete, PluginPublish, ChannelPromote, PluginLifecycle, PluginDelete},
		OnNamespace:  {NamespaceManage, NamespaceTransfer, NamespaceClose, MembersRead, MembersManage, KeysManage, TokensManage, QuotaRead, AuditRead},
	}},
	{RoleMaintainer, OnNamespace, map[Class][]Action{
		OnRepository: {RepositoryPull, RepositoryPush, RepositoryDelete, PluginPublish, ChannelPromote, PluginLifecycle},
		OnNamespace:  {MembersRead, TokensManage, QuotaRead},
	}},
	{RolePublisher, OnNamespace, map[Class][]Action{
		OnRepository: {RepositoryPull, RepositoryPush, PluginPublish},
		OnNamespace:  {MembersRead, QuotaRead},
	}},
	{RoleReader, OnNamespace, map[Class][]Action{
		OnRepository: {RepositoryPull},
		OnNamespace:  {MembersRead, QuotaRead},
	}},
	{RoleAdmin, OnSite, map[Class][]Action{
		OnRepository: {RepositoryPull, RepositoryDelete, PluginLifecycle, PluginEmergency},
		OnNamespace: {
			NamespaceClaim, NamespaceManage, NamespaceTransfer, NamespaceClose, MembersRead, MembersManage, KeysManage, TokensManage, QuotaRead, QuotaSet, AuditRead,
		},
		OnSite: {
			AuditRead, CatalogList, SiteManage, AccountsManage, PersonalTokens, PersonalNotifications,
			RegistryGC, RegistryFsck, CatalogRebuild, PolicyRead, PolicyTest,
			SiteBackup, SiteRestore, ReviewRead, ReviewAssign, PublisherVerify, TenantsRead, TenantsManage,
		},
		OnTenant: {TenantRead, TenantManage, HostFollow, HostReport},
	}},
	{RoleReviewer, OnSite, map[Class][]Action{
		OnRepository: {RepositoryPull},
		OnNamespace:  {MembersRead},
		OnSite:       {CatalogList, PolicyRead, ReviewRead, ReviewDecide, ReviewAssign, PublisherVerify},
	}},
	{RoleOperator, OnSite, map[Class][]Action{
		OnRepository: {RepositoryPull},
		OnNamespace:  {MembersRead, QuotaRead, QuotaSet, AuditRead},
		OnSite:       {AuditRead, CatalogList, RegistryGC, RegistryFsck, CatalogRebuild, PolicyRead, PolicyTest, SiteBackup, ReviewRead, TenantsRead},
		OnTenant:     {TenantRead, HostFollow},
	}},
	{RoleRobot, "", map[Class][]Action{
		OnRepository: {RepositoryPull, RepositoryPush, RepositoryDelete, PluginPublish, ChannelPromote, PluginLifecycle},
		OnNamespace:  {QuotaRead},
		OnSite:       {CatalogList},
		OnTenant:     {TenantRead, TenantManage, HostFollow, HostReport},
	}},
	{RoleProcess, "", map[Class][]Action{
		OnRepository: {RepositoryPull, RepositoryPush, RepositoryDelete, PluginPublish, ChannelPromote},
		OnNamespace:  {QuotaRead},
		OnSite:       {CatalogList, RegistryGC, RegistryFsck, CatalogRebuild, SiteBackup, ReviewRead},
	}},
	{RoleTenantAdmin, OnTenant, map[Class][]Action{OnTenant: {TenantRead, TenantManage, HostFollow, HostReport}}},
	{RoleTenantViewer, OnTenant, map[Class][]Action{OnTenant: {TenantRead, HostFollow}}},
	{RoleHost, "", map[Class][]Action{OnRepository: {RepositoryPull}, OnTenant: {HostFollow, HostReport}}},
	{RoleAccount, "", map[Class][]Action{
		OnNamespace: {NamespaceClaim},
		OnSite:      {PersonalTokens, PersonalNotifications},
	}},
}

// An actionRow is an action that there is, and what must hold of the resource,
// whoever asks.
type actionRow struct {
	action Action
	class  Class
	// public also lets RoleAnyone in where the namespace is public.
	public bool
	// open refuses in a closed namespace; publishing asks for the switches.
	open, publishing bool
	// unclaimed is for the one action on a namespace that nobody has.
	unclaimed bool
}

// actionRows are all actions. One that is not in them is denied to all.
var actionRows = []actionRow{
	{action: RepositoryPull, class: OnRepository, public: true},
	{action: RepositoryPush, class: OnRepository, open: true},
	{action: RepositoryDelete, class: OnRepository},
	{action: PluginPublish, class: OnRepository, open: true, publishing: true},
	{action: ChannelPromote, class: OnRepository, open: true},
	{action: PluginLifecycle, class: OnRepository},
	{action: PluginDelete, class: OnRepository},
	{action: PluginEmergency, class: OnRepository},

	{action: NamespaceClaim, class: OnNamespace, unclaimed: true},
	{action: NamespaceManage, class: OnNamespace},
	{action: NamespaceTransfer, class: OnNamespace},
	{action: NamespaceClose, class: OnNamespace},
	{action: MembersRead, class: OnNamespace},
	{action: MembersManage, class: OnNamespace},
	{action: KeysManage, class: OnNamespace},
	{action: TokensManage, class: OnNamespace},
	{action: QuotaRead, class: OnNamespace},
	{action: QuotaSet, class: OnNamespace},
	{action: AuditRead, class: OnNamespace},

	{action: AuditRead, class: OnSite},
	{action: CatalogList, class: OnSite},
	{action: SiteManage, class: OnSite},
	{action: AccountsManage, class: OnSite},
	{action: PersonalTokens, class: OnSite},
	{action: PersonalNotifications, class: OnSite},
	{action: RegistryGC, class: OnSite},
	{action: RegistryFsck, class: OnSite},
	{action: CatalogRebuild, class: OnSite},
	{action: PolicyRead, class: OnSite},
	{action: PolicyTest, class: OnSite},
	{action: SiteBackup, class: OnSite},
	{action: SiteRestore, class: OnSite},
	{action: ReviewRead, class: OnSite},
	{action: ReviewDecide, class: OnSite},
	{action: ReviewAssign, class: OnSite},
	{action: PublisherVerify, class: OnSite},
	{action: TenantsRead, class: OnSite},
	{action: TenantsManage, class: OnSite},

	{action: TenantRead, class: OnTenant},
	{action: TenantManage, class: OnTenant},
	{action: HostFollow, class: OnTenant},
	{action: HostReport, class: OnTenant},
}

// permissions is the table of this server: decisions, scopes, the grammar of roles and
// the documents read it.
var permissions = newTable(roleRows, actionRows)

// A table is the rows, ready to be asked.
type table struct {
	actions []actionRow
	rows    map[Action]map[Class]permission
	held    map[Class][]Role
}

// A permission is an action on a class with the roles that may do it, in their order.
type permission struct {
	actionRow
	roles []Role
}

func newTable(roles []roleRow, actions []actionRow) *table {
	t := &table{actions: actions, rows: map[Action]map[Class]permission{}, held: map[Class][]Role{}}
	for _, a := range actions {
		p := permission{actionRow: a}
		for _, r := range roles {
			if slices.Contains(r.may[a.class], a.action) {
				p.roles = append(p.roles, r.role)
			}
		}
		if t.rows[a.action] == nil {
			t.rows[a.action] = map[Class]permission{}
		}
		t.rows[a.action][a.class] = p
	}
	for _, r := range roles {
		t.held[r.held] = append(t.held[r.held], r.role)
	}
	return t
}

// find returns the row of an action on a class.
func (t *table) find(a Action, c Class) (permission, bool) {
	p, ok := t.rows[a][c]
	return p, ok
}

// gives reports whether role can be held on a class of things.
func (t *table) gives(role Role, on Class) bool { return slices.Contains(t.held[on], role) }

// SiteRoles are the roles that can be given on the site.
func SiteRoles() []Role { return slices.Clone(permissions.held[OnSite]) }

// NamespaceRoles are the roles of a member, the mightiest first.
func NamespaceRoles() []Role { return slices.Clone(permissions.held[OnNamespace]) }

// RolesThatMay are the roles that may do an action to a class of things, in their
// order.
func RolesThatMay(a Action, c Class) []Role {
	row, _ := permissions.find(a, c)
	return slices.Clone(row.roles)
}

// TenantRoles are the roles of a tenant's member, the mightiest first.
func TenantRoles() []Role { return slices.Clone(permissions.held[OnTenant]) }

// Actions are the actions of the table on a class, in its order.
func Actions(c Class) []Action {
	var actions []Action
	for _, row := range permissions.actions {
		if row.class == c {
			actions = append(actions, row.action)
		}
	}
	return actions
}

// RobotActions are the actions that the scope of a robot token can name for a class.
func RobotActions(c Class) []Action {
	return slices.DeleteFunc(Actions(c), func(a Action) bool {
		row, _ := permissions.find(a, c)
		return !slices.Contains(row.roles, RoleRobot)
	})
}

// oneOf is how a message lists roles: "admin, reviewer or operator".
func oneOf(roles []Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
