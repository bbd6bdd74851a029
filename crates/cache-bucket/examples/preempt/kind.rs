/// A kind of operation, by which interrupts are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Get,
    With,
    Set,
    Add,
    TryAdd,
    TryAddOrInsert,
    GetOrInsert,
    Swap,
    InsertNew,
    CompareExchange,
    Update,
    UpdateOrInsert,
    Take,
    DelIf,
    Del,
    GetMany,
    ForEach,
    Retain,
    Clear,
    Inserts,
    Deletes,
    Shrink,
    Reclaim,
    Replace,
    /// Several operations on one key each. An interrupt counts for the kind of the operation that it hits.
    Several,
}

impl Kind {
    pub(crate) const ALL: [Kind; 25] = [
        Kind::Get,
        Kind::With,
        Kind::Set,
        Kind::Add,
        Kind::TryAdd,
        Kind::TryAddOrInsert,
        Kind::GetOrInsert,
        Kind::Swap,
        Kind::InsertNew,
        Kind::CompareExchange,
        Kind::Update,
        Kind::UpdateOrInsert,
        Kind::Take,
        Kind::DelIf,
        Kind::Del,
        Kind::GetMany,
        Kind::ForEach,
        Kind::Retain,
        Kind::Clear,
        Kind::Inserts,
        Kind::Deletes,
        Kind::Shrink,
        Kind::Reclaim,
        Kind::Replace,
        Kind::Several,
    ];
    pub(crate) const COUNT: usize = Self::ALL.len();

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Get => "get",
            Kind::With => "with",
            Kind::Set => "set",
            Kind::Add => "add",
            Kind::TryAdd => "try_add",
            Kind::TryAddOrInsert => "try_add_or_insert",
            Kind::GetOrInsert => "get_or_insert",
            Kind::Swap => "swap",
            Kind::InsertNew => "insert_new",
            Kind::CompareExchange => "compare_exchange",
            Kind::Update => "update",
            Kind::UpdateOrInsert => "update_or_insert",
            Kind::Take => "take",
            Kind::DelIf => "del_if",
            Kind::Del => "del",
            Kind::GetMany => "get_many",
            Kind::ForEach => "for_each",
            Kind::Retain => "retain",
            Kind::Clear => "clear",
            Kind::Inserts => "many inserts",
            Kind::Deletes => "many deletes",
            Kind::Shrink => "shrink_to_fit",
            Kind::Reclaim => "reclaim",
            Kind::Replace => "many sets",
            Kind::Several => "several",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_numbered_in_order() {
        for (number, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
        }
    }
}
