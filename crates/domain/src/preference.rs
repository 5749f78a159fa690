//! What a member of staff may choose about the looks of the admin app.

/// Words with a meaning of their own, for a column and a form.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $case:ident = $word:literal),* $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $case),* }

        impl $name {
            /// All of them, what nobody chose first.
            pub const ALL: &[Self] = &[$(Self::$case),*];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$case => $word),* }
            }

            /// Reads the word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|choice| choice.as_str() == word)
            }
        }
    };
}

words! {
    /// Colours.
    Theme {
        /// As the system has it.
        #[default]
        System = "system",
        /// Light.
        Light = "light",
        /// Dark.
        Dark = "dark",
    }
}

words! {
    /// How close the rows of a table stand.
    Density {
        /// With room.
        #[default]
        Comfortable = "comfortable",
        /// More rows on a screen.
        Compact = "compact",
    }
}

words! {
    /// How times are written.
    Times {
        /// Within a day by how long it is to them, then by date.
        #[default]
        Distance = "distance",
        /// Always by date and time of day.
        Date = "date",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_again_and_no_wish_is_the_first() {
        for theme in Theme::ALL {
            assert_eq!(Theme::parse(theme.as_str()), Some(*theme));
        }
        for density in Density::ALL {
            assert_eq!(Density::parse(density.as_str()), Some(*density));
        }
        for times in Times::ALL {
            assert_eq!(Times::parse(times.as_str()), Some(*times));
        }
        assert_eq!(
            (Theme::default(), Density::default(), Times::default()),
            (Theme::ALL[0], Density::ALL[0], Times::ALL[0])
        );
        assert_eq!(Theme::parse("Dark"), None);
    }
}
