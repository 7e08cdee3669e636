package schema

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/report"
	"fairlead/internal/sqlreview/syntax"
	"fairlead/internal/sqltext"
)

// change is one statement as it changes the model. What stands under a condition may not have run: it makes nothing new
// and proves nothing.
type change struct {
	*State
	doubt bool
}

// Apply moves the model of the database past a statement that went through, and that holds these locks until its unit
// ends.
func (s *State) Apply(st Statement, locks []report.Lock) {
	c := change{s, st.Doubt}
	n := st.Node
	switch {
	case n.GetCreateStmt() != nil:
		c.createTable(n.GetCreateStmt())
	case n.GetCreateTableAsStmt() != nil:
		s.createAs(n.GetCreateTableAsStmt().GetInto().GetRel(), n.GetCreateTableAsStmt().GetIfNotExists() || st.Doubt)
	case n.GetSelectStmt().GetIntoClause() != nil:
		s.createAs(n.GetSelectStmt().GetIntoClause().GetRel(), st.Doubt)
	case n.GetViewStmt() != nil:
		if v := s.Named(n.GetViewStmt().GetView()); !n.GetViewStmt().GetReplace() || s.Absent(v) {
			s.create(s.NameOfNew(n.GetViewStmt().GetView()), false)
			s.touch(s.NameOfNew(n.GetViewStmt().GetView())).columnsUncertain = true
		} else {
			// it may have more columns now
			s.touch(v).columnsUncertain = true
		}
	case n.GetIndexStmt() != nil:
		c.applyIndex(n.GetIndexStmt())
	case n.GetDropStmt() != nil:
		c.applyDrop(n.GetDropStmt())
	case n.GetAlterObjectSchemaStmt() != nil:
		c.applySchema(n.GetAlterObjectSchemaStmt())
	case n.GetCreateSeqStmt() != nil:
		s.Sequences[s.NameOfNew(n.GetCreateSeqStmt().GetSequence())] = true
	case n.GetCreateSchemaStmt() != nil:
		s.Schemas[n.GetCreateSchemaStmt().GetSchemaname()] = true
	case n.GetCreateExtensionStmt() != nil:
		c.applyExtension(n.GetCreateExtensionStmt())
	case n.GetCreateForeignTableStmt() != nil, n.GetImportForeignSchemaStmt() != nil, n.GetDropOwnedStmt() != nil:
		s.Uncertain = true
	case n.GetCreateTrigStmt() != nil:
		if st.Doubt {
			s.touch(s.Named(n.GetCreateTrigStmt().GetRelation())).columnsUncertain = true
		}
		if t := s.Edit(s.Named(n.GetCreateTrigStmt().GetRelation())); t != nil && !st.Doubt &&
			t.Trigger(n.GetCreateTrigStmt().GetTrigname()) == nil {
			f := s.Qualify(sqltext.QualifiedName(n.GetCreateTrigStmt().GetFuncname()))
			t.Triggers = append(t.Triggers, catalog.Trigger{Name: n.GetCreateTrigStmt().GetTrigname(), Function: f,
				Enabled: true})
		}
	case n.GetRenameStmt() != nil:
		c.applyRename(n.GetRenameStmt())
	case n.GetAlterTableStmt() != nil:
		c.applyAlter(n.GetAlterTableStmt())
	case n.GetCreateFunctionStmt() != nil:
		c.applyFunction(n.GetCreateFunctionStmt(), st)
	case n.GetCreatePolicyStmt() != nil:
		s.Policies[s.Named(n.GetCreatePolicyStmt().GetTable())] = true
	case n.GetVariableSetStmt() != nil:
		c.setting(n.GetVariableSetStmt())
	default:
		c.applyType(n)
	}
	c.applyName(n)
	if !st.Alone {
		for _, l := range locks {
			s.hold(l)
		}
	}
}

// hold remembers locks that stop readers or writers until the unit ends.
func (s *State) hold(l report.Lock) {
	switch l.Mode {
	case report.AccessExclusive, report.Exclusive, report.ShareRowExclusive, report.Share:
	default:
		return
	}
	schema, relname, ok := strings.Cut(l.Relation, ".")
	n := catalog.Ref{Schema: schema, Name: relname}
	if !ok {
		n = catalog.Ref{Schema: "public", Name: l.Relation}
	}
	if r := s.touch(n); r.Locked != report.AccessExclusive {
		r.Locked = l.Mode
	}
}

// createAs notes a new table; a temporary one hides others of its name.
func (s *State) createAs(r *pg.RangeVar, ifNotExists bool) {
	if r.GetRelpersistence() == "t" {
		s.create(catalog.Ref{Schema: temporary, Name: r.GetRelname()}, false)
		return
	}
	s.create(s.NameOfNew(r), ifNotExists)
}

func (s change) applyType(n *pg.Node) {
	switch {
	case n.GetSelectStmt() != nil, n.GetCallStmt() != nil:
		s.setByCall(n)
		s.Uncertain = s.Uncertain || s.Unfollowed(n)
	case n.GetCreateDomainStmt() != nil:
		d := n.GetCreateDomainStmt()
		constrained := false
		for _, c := range d.GetConstraints() {
			switch c.GetConstraint().GetContype() {
			case pg.ConstrType_CONSTR_CHECK, pg.ConstrType_CONSTR_NOTNULL:
				constrained = true
			}
		}
		s.Domains[syntax.LastName(d.GetDomainname())] = constrained
		s.Types[syntax.LastName(d.GetDomainname())] = true
	case n.GetCreateEnumStmt() != nil:
		s.Types[syntax.LastName(n.GetCreateEnumStmt().GetTypeName())] = true
	case n.GetCompositeTypeStmt() != nil:
		s.Types[n.GetCompositeTypeStmt().GetTypevar().GetRelname()] = true
	case n.GetAlterEnumStmt() != nil:
		if e := n.GetAlterEnumStmt(); e.GetOldVal() == "" && !slices.Contains(s.Labels, e.GetNewVal()) {
			s.Labels = append(s.Labels, e.GetNewVal())
			s.Added[syntax.LastName(e.GetTypeName())] = append(s.Added[syntax.LastName(e.GetTypeName())], e.GetNewVal())
		}
	}
}

// setByCall follows SELECT set_config('search_path', …), as dumps begin.
func (s change) setByCall(n *pg.Node) {
	for _, c := range syntax.Calls(n) {
		a := c.GetArgs()
		if syntax.CalledName(c) == "set_config" && len(a) == 3 &&
			a[0].GetAConst().GetSval().GetSval() == "search_path" && a[1].GetAConst().GetSval() != nil {
			var path []*pg.Node
			for _, schema := range strings.Split(a[1].GetAConst().GetSval().GetSval(), ",") {
				path = append(path, text(strings.Trim(strings.TrimSpace(schema), `"`)))
			}
			s.setting(&pg.VariableSetStmt{Name: "search_path", Args: path})
		}
	}
}

func text(s string) *pg.Node {
	return &pg.Node{Node: &pg.Node_AConst{AConst: &pg.A_Const{Val: &pg.A_Const_Sval{Sval: &pg.String{Sval: s}}}}}
}

func (s change) applyFunction(f *pg.CreateFunctionStmt, l Statement) {
	made := &function{volatility: "v", Statement: l}
	for _, o := range f.GetOptions() {
		if o.GetDefElem().GetDefname() == "volatility" {
			if v := o.GetDefElem().GetArg().GetString_().GetSval(); v != "" {
				made.volatility = v[:1]
			}
		}
	}
	n := syntax.LastName(f.GetFuncname())
	s.Functions[n] = append(s.Functions[n], made)
}

// ColumnIsNew says whether the script added the column.
func (s *relations) ColumnIsNew(n catalog.Ref, column string) bool {
	r := s.Touched[n]
	if r == nil {
		return false
	}
	_, ok := r.columns[column]
	return ok
}

// Unfollowed says whether a statement calls something that could make or drop relations unseen.
func (s *State) Unfollowed(n *pg.Node) bool {
	if n.GetCallStmt() != nil {
		return len(s.Functions[syntax.CalledName(n.GetCallStmt().GetFunccall())]) == 0
	}
	for _, c := range syntax.Calls(n) {
		called := syntax.CalledName(c)
		if KnownBody(called) || BuiltinFunction(called) != "" && !s.shadowed(called) {
			continue
		}
		if v := s.Volatility(c); len(s.Functions[called]) == 0 && (v == "v" || v == "") &&
			builtinVolatility(called) == "" {
			return true
		}
	}
	return false
}

// shadowed says whether the catalog has a function with the name of a builtin one.
func (s *State) shadowed(n string) bool {
	return s.Catalog != nil && slices.ContainsFunc(s.Catalog.Functions,
		func(f catalog.Function) bool { return f.Name == n })
}
