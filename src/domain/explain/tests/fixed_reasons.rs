//! Reasons that are worded once are worded as all others.

use std::sync::Arc;

use crate::domain::{
    definitions::Definitions,
    explain::{
        fixed_reasons::FixedReasons,
        reasons::Reason,
        wording::{self, Language},
    },
};

/// That the text of each reason is the same the first and the second time.
#[track_caller]
pub(super) fn assert_worded(reasons: &[Reason<'_>], definitions: &Arc<Definitions>) {
    let fixed = FixedReasons::new(Arc::clone(definitions));
    for reason in reasons {
        let words = |language| wording::reason(reason, definitions, language);
        for _ in 0..2 {
            let text = fixed.text(reason);
            assert_eq!(*text.en, *words(Language::En));
            assert_eq!(text.de.as_deref(), Some(&*words(Language::De)));
        }
    }
}
