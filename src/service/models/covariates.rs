//! Which attributes may be covariates.

use crate::domain::{
    definitions::Definitions,
    fitted::parameters::{Covariate, CovariateType},
    rules::{
        nearest::nearest,
        vocabulary::{Attribute, Sensitivity, ValueType},
    },
};

/// Each adds two parameters: with more, a fit says little about any.
const MOST: usize = 8;

/// What is wrong with a name: its place in the list (`None`: the list as a whole) and what to do.
pub type CovariateProblem = (Option<usize>, String);

/// The covariates of these names.
///
/// # Errors
/// Everything that is wrong with them.
pub(super) fn check(
    definitions: Option<&Definitions>,
    names: &[String],
) -> Result<Vec<Covariate>, Vec<CovariateProblem>> {
    if names.is_empty() {
        return Ok(vec![]);
    }
    let mut problems = vec![];
    if names.len() > MOST {
        let count = names.len();
        problems.push((
            None,
            format!("{count} covariates; at most {MOST} are allowed"),
        ));
    }
    let Some(definitions) = definitions else {
        let sentence =
            "covariates must be attributes of published definitions: use PublishDefinitions first";
        problems.push((None, sentence.to_owned()));
        return Err(problems);
    };
    let attributes = definitions.vocabulary().attributes();
    let mut covariates = vec![];
    for (at, name) in names.iter().enumerate() {
        let found = if names[..at].contains(name) {
            Err(format!("{} appears twice: remove one", quoted(name)))
        } else {
            covariate(attributes, name)
        };
        match found {
            Ok(covariate) => covariates.push(covariate),
            Err(problem) => problems.push((Some(at), problem)),
        }
    }
    if problems.is_empty() {
        Ok(covariates)
    } else {
        Err(problems)
    }
}

/// A name of the request for a sentence: names of attributes are shorter than what is shown.
fn quoted(name: &str) -> String {
    let shown: String = name.escape_debug().take(70).collect();
    format!("\"{shown}\"")
}

fn covariate(attributes: &[Attribute], name: &str) -> Result<Covariate, String> {
    let Some(attribute) = attributes.iter().find(|one| *one.name == *name) else {
        let names = attributes.iter().map(|one| &*one.name);
        let hint = match nearest(name, names) {
            Some(meant) => format!("did you mean {meant:?}?"),
            None => "see the attributes of the active definitions".to_owned(),
        };
        return Err(format!("unknown attribute {}: {hint}", quoted(name)));
    };
    let value_type = match &attribute.value_type {
        ValueType::Bool => CovariateType::Boolean,
        ValueType::Whole | ValueType::Days => CovariateType::Whole,
        ValueType::Number => CovariateType::Number,
        ValueType::Text
        | ValueType::OneOf(_)
        | ValueType::Money(_)
        | ValueType::Day
        | ValueType::Tags
        | ValueType::Tier
        | ValueType::Time => {
            return Err(format!(
                "attribute {name:?} is neither bool nor numeric: define one that is, for example for one of its values"
            ));
        }
    };
    if attribute.sensitivity == Sensitivity::Protected && attribute.purpose.is_none() {
        return Err(format!(
            "attribute {name:?} is protected and has no purpose: add `purpose:` to its definition"
        ));
    }
    Ok(Covariate {
        name: attribute.name.clone(),
        value_type,
        max_age_days: attribute.max_age_days,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../examples/definitions.yaml");

    #[test]
    fn everything_wrong_with_the_names_is_said_at_once() {
        let definitions = Definitions::read(EXAMPLE).unwrap();
        let names = ["cuontry", "country", "zzzzzz", "zzzzzz"].map(str::to_owned);
        let problems = check(Some(&definitions), &names).unwrap_err();
        let places: Vec<_> = problems.iter().map(|(at, _)| *at).collect();
        assert_eq!(places, [Some(0), Some(1), Some(2), Some(3)]);
        assert!(problems[0].1.contains(r#"did you mean "country"?"#));
        assert!(problems[1].1.contains("neither bool nor numeric"));
        assert!(problems[3].1.contains("appears twice"));
        let many: Vec<String> = (0..9).map(|at| format!("n{at}")).collect();
        let problems = check(None, &many).unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert_eq!(check(None, &[]), Ok(vec![]));
    }
}
